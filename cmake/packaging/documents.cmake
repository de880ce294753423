# Makes in FOLDER what is installed beside the program and is made by it: the manual, the completions for three shells, a changelog.
# Included at installation, with QUANTBENCH (the program), FOLDER, VERSION and MAINTAINER set.
find_program(gzip NAMES gzip REQUIRED)
file(MAKE_DIRECTORY ${FOLDER})

function(print_into name)
  execute_process(COMMAND ${QUANTBENCH} ${ARGN} OUTPUT_FILE ${FOLDER}/${name} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

print_into(quantbench.1 man)
print_into(quantbench completion bash)
print_into(_quantbench completion zsh)
print_into(quantbench.fish completion fish)

# SOURCE_DATE_EPOCH, when it is set, is the time (reproducible-builds.org).
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
execute_process(COMMAND ${QUANTBENCH} --version OUTPUT_VARIABLE version_line OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${FOLDER}/changelog
     "quantbench (${VERSION}) unstable; urgency=medium\n\n  * ${version_line}\n\n -- ${MAINTAINER}  ${date}\n")

foreach(name quantbench.1 changelog)
  execute_process(COMMAND ${gzip} --best --no-name --force ${FOLDER}/${name} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
