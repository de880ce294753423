// What the kernels have to know of a format.
#pragma once

#include "core/format.h"
#include "quantizers/solvers/search/group_kernels.h"

namespace quantbench::search {

/// The set of levels; nothing when the kernels do not know it.
bool find_levels(const Format& format, Levels& levels);

/// Precondition: find_levels found them.
GroupTask group_task(const Format& format, Effort effort);

}  // namespace quantbench::search
