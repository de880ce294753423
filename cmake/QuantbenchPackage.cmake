# What is installed beside the program, and the Debian package: cmake --build BUILD && (cd BUILD && cpack -G DEB), or
# scripts/package.sh, which also checks the result.
include(GNUInstallDirs)

set(QUANTBENCH_PACKAGE_MAINTAINER "quantbench developers <quantbench@example.invalid>" CACHE STRING
    "Maintainer of the Debian package, as 'name <address>': whoever distributes it")

# Installing builds nothing: the tests are no part of it.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

install(TARGETS quantbench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY datasets/stories DESTINATION ${CMAKE_INSTALL_DATADIR}/quantbench)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/quantbench PATTERN "papers/data" EXCLUDE PATTERN ".gitkeep" EXCLUDE)
install(FILES eval/report.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/quantbench)
install(FILES README.md cmake/packaging/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.png")

# The manual, the completions and the changelog are made when they are installed: by the program itself.
if(NOT CMAKE_CROSSCOMPILING)
  set(documents_folder ${CMAKE_CURRENT_BINARY_DIR}/packaging)
  install(CODE "
    set(QUANTBENCH \"$<TARGET_FILE:quantbench>\")
    set(FOLDER \"${documents_folder}\")
    set(VERSION \"${PROJECT_VERSION}\")
    set(MAINTAINER \"${QUANTBENCH_PACKAGE_MAINTAINER}\")
    include(\"${PROJECT_SOURCE_DIR}/cmake/packaging/documents.cmake\")")
  install(FILES ${documents_folder}/quantbench.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${documents_folder}/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES ${documents_folder}/quantbench DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${documents_folder}/_quantbench DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES ${documents_folder}/quantbench.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME quantbench)
set(CPACK_PACKAGE_VENDOR "The quantbench authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${QUANTBENCH_PACKAGE_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "librsvg2-bin, slurm-client, jq")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "reference lab for weight quantization of language models")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Runs every quantizer over the linear layers of a model, as told by one YAML
file, and reports reconstruction error, perplexity, KL divergence, size and
the speed of kernels, all measured in the same run on the same weights.

A small trained language model, its tokenizer and held-out text come with it,
so that the example configs run without anything else. The instruction set
(AVX2, AVX-512) is chosen when the program runs.")
include(CPack)
