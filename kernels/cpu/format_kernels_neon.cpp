#include "kernels/cpu/format_kernels_impl.h"
#include "kernels/cpu/lanes_neon.h"

namespace quantbench {

const FormatKernels* format_kernels_neon() { return format_kernel_table<LanesNeon>(formats::All{}); }

}  // namespace quantbench
