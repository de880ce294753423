#include "kernels/cpu/int8_kernels_impl.h"
#include "kernels/cpu/int8_lanes_scalar.h"

namespace quantbench {

const Int8Kernels* int8_kernels_scalar() { return int8_kernel_table<Int8LanesScalar>(formats::All{}); }

}  // namespace quantbench
