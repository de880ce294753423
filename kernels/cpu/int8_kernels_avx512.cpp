#include "kernels/cpu/int8_affines_avx2.h"
#include "kernels/cpu/int8_kernels_impl.h"
#include "kernels/cpu/int8_lanes_avx512.h"
#include "kernels/cpu/int8_units_avx512.h"

namespace quantbench {

const Int8Kernels* int8_kernels_avx512() { return int8_kernel_table<Int8LanesAvx512>(formats::All{}); }

}  // namespace quantbench
