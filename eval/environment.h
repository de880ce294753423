// The machine and the build, as reports state them.
#pragma once

#include <string>

#include "eval/report.h"

namespace quantbench {

/// "0.1.0"
std::string quantbench_version();

/// Of the sources that the program was built from: the full hash, with "-dirty" behind it when tracked files were modified;
/// "unknown" when they were neither a git working tree nor an archive made by git (cmake/git_commit.cmake).
std::string quantbench_commit();

/// A cpu or gpu that cannot be told is "unknown" or says why; never throws.
Environment current_environment(int threads);

}  // namespace quantbench
