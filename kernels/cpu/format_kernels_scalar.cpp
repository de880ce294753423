#include "kernels/cpu/format_kernels_impl.h"
#include "kernels/cpu/lanes_scalar.h"

namespace quantbench {

const FormatKernels* format_kernels_scalar() { return format_kernel_table<LanesScalar>(formats::All{}); }

}  // namespace quantbench
