#include "core/matmul/matmul_tile_impl.h"
#include "core/vector_neon.h"

namespace quantbench {

void compute_tile_neon(const TileProduct& product, const Tile& tile, float* workspace) {
  compute_tile<VectorNeon>(product, tile, workspace);
}

}  // namespace quantbench
