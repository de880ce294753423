#include "core/matmul/matmul_tile_impl.h"
#include "core/vector_scalar.h"

namespace quantbench {

void compute_tile_scalar(const TileProduct& product, const Tile& tile, float* workspace) {
  compute_tile<VectorScalar>(product, tile, workspace);
}

}  // namespace quantbench
