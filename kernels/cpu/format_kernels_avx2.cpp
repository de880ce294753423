#include "kernels/cpu/format_kernels_impl.h"
#include "kernels/cpu/lanes_avx2.h"

namespace quantbench {

const FormatKernels* format_kernels_avx2() { return format_kernel_table<LanesAvx2>(formats::All{}); }

}  // namespace quantbench
