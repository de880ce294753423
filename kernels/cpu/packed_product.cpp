#include "kernels/cpu/packed_product.h"

#include "core/matmul/matmul_tile.h"
#include "kernels/cpu/isa_kernels.h"
#include "kernels/cpu/packed_rows.h"

namespace quantbench {
namespace {

struct DecodedWeights {
  const Tensor* tensor;
  const FormatKernels* kernels;
};

RowsF32 decode_panel(const void* context, const WeightRange& range, float* scratch) {
  const auto& weights = *static_cast<const DecodedWeights*>(context);
  const Tensor& tensor = *weights.tensor;
  for (std::size_t row = 0; row < range.rows; ++row)
    weights.kernels->decode(
        {tensor.format.get(), tensor.row(range.first_row + row), tensor.cols, range.first_k, range.k},
        scratch + row * tile_k);
  return {scratch, tile_k};
}

}  // namespace

void matvec(const PackedProduct& product, int threads, Isa isa) {
  const FormatKernels& kernels = isa_kernels(isa).formats[product.weights->format->layout];
  multiply_rows(product, threads, kernels, [&](std::size_t first) {
    return DotVectors{product.x + first * product.x_stride, product.x_stride};
  });
}

void matmul(const PackedProduct& product, int threads, Isa isa, SumOrder order) {
  const DecodedWeights weights{product.weights, &isa_kernels(isa).formats[product.weights->format->layout]};
  TileProduct tiles;
  tiles.a = product.x;
  tiles.a_stride = product.x_stride;
  tiles.b = {&weights, decode_panel};
  tiles.c = product.y;
  tiles.c_stride = product.y_stride;
  tiles.m = product.batch;
  tiles.n = product.weights->rows;
  tiles.k = product.weights->cols;
  tiles.order = order;
  multiply_tiles(tiles, threads, isa);
}

}  // namespace quantbench
