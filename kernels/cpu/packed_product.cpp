#include "kernels/cpu/packed_product.h"

#include "kernels/cpu/decoded_tiles.h"
#include "kernels/cpu/isa_kernels.h"
#include "kernels/cpu/packed_rows.h"

namespace quantbench {
void matvec(const PackedProduct& product, int threads, Isa isa) {
  const FormatKernels& kernels = isa_kernels(isa).formats[product.weights->format->layout];
  multiply_rows(product, threads, kernels, [&](std::size_t first) {
    return DotVectors{product.x + first * product.x_stride, product.x_stride};
  });
}

void matmul(const PackedProduct& product, int threads, Isa isa, SumOrder order) {
  const DecodedWeights weights{product.weights, &isa_kernels(isa).formats[product.weights->format->layout]};
  TileProduct tiles = tile_product(product, {&weights, decode_panel});
  tiles.order = order;
  multiply_tiles(tiles, threads, isa);
}

}  // namespace quantbench
