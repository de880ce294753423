#include "kernels/cpu/packed_product.h"

#include <algorithm>

#include "core/checked.h"
#include "core/matmul/matmul_tile.h"
#include "core/parallel.h"
#include "kernels/cpu/isa_kernels.h"

namespace quantbench {
namespace {

constexpr std::size_t weights_per_task = 64 * 1024;

void multiply_row(const PackedProduct& product, std::size_t row, const FormatKernels& kernels) {
  const Tensor& weights = *product.weights;
  const RowRange range{weights.format.get(), weights.row(row), weights.cols, 0, weights.cols};
  float* const y = product.y + row;
  std::size_t batch = 0;
  for (; batch + 4 <= product.batch; batch += 4) {
    float sums[4];
    kernels.dot4(range, {product.x + batch * product.x_stride, product.x_stride}, sums);
    for (std::size_t i = 0; i < 4; ++i) y[(batch + i) * product.y_stride] = sums[i];
  }
  for (; batch < product.batch; ++batch)
    kernels.dot(range, {product.x + batch * product.x_stride, product.x_stride}, y + batch * product.y_stride);
}

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
  const Tensor& weights = *product.weights;
  const FormatKernels& kernels = isa_kernels(isa).formats[weights.format->layout];
  const std::size_t rows_per_task = std::max<std::size_t>(1, weights_per_task / std::max<std::size_t>(1, weights.cols));
  parallel_for(threads, divide_up(weights.rows, rows_per_task), [&](std::size_t task) {
    const std::size_t end = std::min(weights.rows, (task + 1) * rows_per_task);
    for (std::size_t row = task * rows_per_task; row < end; ++row) multiply_row(product, row, kernels);
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
