#include "quantizers/solvers/search/group_kernels_impl.h"

namespace quantbench::search {

const GroupKernels& group_kernels_scalar() { return group_kernel_table; }

}  // namespace quantbench::search
