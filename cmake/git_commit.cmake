# Writes OUT, a C++ source with the git commit that the sources in FOLDER are of; leaves it alone when it says so already, so that
# only a new commit compiles it again.
#   cmake -DFOLDER=... -DOUT=... -P git_commit.cmake
# The commit is the full hash, with "-dirty" behind it when tracked files are modified. Archives made by `git archive` have it in
# cmake/archive_commit.txt; for sources that are neither a git working tree nor such an archive it is "unknown".
set(commit "unknown")
set(git_folder "")
find_program(git NAMES git)

function(ask_git out)
  execute_process(COMMAND ${git} --no-optional-locks -C ${FOLDER} ${ARGN} OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE code
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT code EQUAL 0)
    set(text "")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

if(git)
  ask_git(git_folder rev-parse --show-toplevel)
endif()
file(REAL_PATH "${FOLDER}" folder)
# An archive that was unpacked somewhere inside of another repository is not of that repository's commit.
if(git_folder STREQUAL folder)
  ask_git(hash rev-parse --verify HEAD)
  if(hash)
    ask_git(modified status --porcelain --untracked-files=no)
    set(commit "${hash}")
    if(modified)
      string(APPEND commit "-dirty")
    endif()
  endif()
elseif(EXISTS "${FOLDER}/cmake/archive_commit.txt")
  file(STRINGS "${FOLDER}/cmake/archive_commit.txt" archived LIMIT_COUNT 1)
  if(archived MATCHES "^[0-9a-f]+$")
    set(commit "${archived}")
  endif()
endif()

set(source "// Written by cmake/git_commit.cmake.\n#include \"eval/environment.h\"\n\n")
string(APPEND source "std::string quantbench::quantbench_commit() { return \"${commit}\"; }\n")
file(CONFIGURE OUTPUT "${OUT}" CONTENT "${source}" @ONLY)
