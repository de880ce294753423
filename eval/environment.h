// The machine and the build, as reports state them.
#pragma once

#include <string>

#include "eval/report.h"

namespace quantbench {

/// "0.1.0"
std::string quantbench_version();

/// A cpu or gpu that cannot be told is "unknown" or says why; never throws.
Environment current_environment(int threads);

}  // namespace quantbench
