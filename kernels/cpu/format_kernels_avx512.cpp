#include "kernels/cpu/format_kernels_impl.h"
#include "kernels/cpu/lanes_avx512.h"

namespace quantbench {

const FormatKernels* format_kernels_avx512() { return format_kernel_table<LanesAvx512>(formats::All{}); }

}  // namespace quantbench
