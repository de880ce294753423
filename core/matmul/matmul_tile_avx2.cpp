#include "core/matmul/matmul_tile_impl.h"
#include "core/vector_avx2.h"

namespace quantbench {

void compute_tile_avx2(const TileProduct& product, const Tile& tile, float* workspace) {
  compute_tile<VectorAvx2>(product, tile, workspace);
}

}  // namespace quantbench
