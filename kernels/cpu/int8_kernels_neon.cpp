#include "kernels/cpu/int8_kernels_impl.h"
#include "kernels/cpu/int8_lanes_neon.h"

namespace quantbench {

const Int8Kernels* int8_kernels_neon() { return int8_kernel_table<Int8LanesNeon>(formats::All{}); }

}  // namespace quantbench
