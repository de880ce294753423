#include "core/parallel.h"

#include <omp.h>

#include <algorithm>

namespace quantbench {

int hardware_threads() { return std::max(1, omp_get_num_procs()); }

}  // namespace quantbench
