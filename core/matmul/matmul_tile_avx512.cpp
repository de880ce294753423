#include "core/matmul/matmul_tile_impl.h"
#include "core/vector_avx512.h"

namespace quantbench {

void compute_tile_avx512(const TileProduct& product, const Tile& tile, float* workspace) {
  compute_tile<VectorAvx512>(product, tile, workspace);
}

}  // namespace quantbench
