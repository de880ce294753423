#include "kernels/cpu/int8_tile_impl.h"
#include "kernels/cpu/int8_tile_lanes_avx512.h"

namespace quantbench {

Int8TileKernel int8_tile_avx512(const CodeTraits& traits) { return tile_kernel<Int8TileAvx512>(traits, 0); }

}  // namespace quantbench
