// What the kernels have to know of a format.
#pragma once

#include "core/format.h"
#include "quantizers/solvers/search/group_kernels.h"

namespace quantbench::search {

/// The set of levels; nothing when the kernels do not know it.
bool find_levels(const Format& format, Levels& levels);

/// The kernels take numbers of a table, which lie in -1 .. 1, for multiples of a power of two, so that their distance is about 1 like
/// that of levels. What they find as the scale is the stored one times this; 1 for other formats.
float number_unit(const Format& format);

/// Precondition: find_levels found them.
GroupTask group_task(const Format& format, Effort effort);

}  // namespace quantbench::search
