# Tests git_commit.cmake on folders made for it below WORK.
#   cmake -DSCRIPT=.../git_commit.cmake -DWORK=... -P git_commit_test.cmake
find_program(git NAMES git REQUIRED)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/repository/cmake)
set(repository ${WORK}/repository)

function(run_git out)
  execute_process(COMMAND ${git} -c user.name=test -c user.email=test@example.invalid -C ${repository} ${ARGN}
                  OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(expect_commit folder expected)
  execute_process(COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUT=${WORK}/commit.cpp -P ${SCRIPT} COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${WORK}/commit.cpp source)
  string(FIND "${source}" "return \"${expected}\";" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "expected the commit ${expected} of ${folder}; found\n${source}")
  endif()
endfunction()

file(WRITE ${repository}/cmake/archive_commit.txt "$Format:%H$\n")
file(WRITE ${repository}/.gitattributes "cmake/archive_commit.txt export-subst\n")
file(WRITE ${repository}/file.txt "one\n")
run_git(ignored init --quiet)
expect_commit(${repository} "unknown")
run_git(ignored add .)
run_git(ignored commit --quiet -m first)
run_git(hash rev-parse HEAD)
expect_commit(${repository} "${hash}")

# The same commit leaves the file, and with it what is compiled from it, alone.
file(TIMESTAMP ${WORK}/commit.cpp before "%s")
execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)
expect_commit(${repository} "${hash}")
file(TIMESTAMP ${WORK}/commit.cpp after "%s")
if(NOT before STREQUAL after)
  message(FATAL_ERROR "the file was written again although the commit is the same")
endif()

file(WRITE ${repository}/untracked.txt "no part of the commit\n")
expect_commit(${repository} "${hash}")
file(WRITE ${repository}/file.txt "two\n")
expect_commit(${repository} "${hash}-dirty")

# An archive says its commit, wherever it is unpacked; sources that were only copied do not, even inside of another repository.
run_git(ignored archive --format=tar --output=${WORK}/archive.tar HEAD)
file(ARCHIVE_EXTRACT INPUT ${WORK}/archive.tar DESTINATION ${repository}/archive)
expect_commit(${repository}/archive "${hash}")
file(COPY ${repository}/file.txt DESTINATION ${repository}/copy)
expect_commit(${repository}/copy "unknown")
file(REMOVE_RECURSE ${WORK})
