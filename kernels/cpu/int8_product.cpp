#include "kernels/cpu/int8_product.h"

#include <algorithm>

#include "core/checked.h"
#include "core/parallel.h"
#include "kernels/cpu/int8_kernels.h"

namespace quantbench {
namespace {

/// Tasks are long, since the first bytes of each are not fetched ahead, and a few for each thread, since one may be held up.
constexpr std::size_t least_weights_of_task = 64 * 1024, tasks_of_thread = 4;

std::size_t rows_of_task(const Tensor& weights, int threads) {
  const std::size_t least = std::max<std::size_t>(1, least_weights_of_task / std::max<std::size_t>(1, weights.cols));
  return std::max(least, divide_up(weights.rows, tasks_of_thread * static_cast<std::size_t>(std::max(threads, 1))));
}

void multiply_row(const PackedProduct& product, const Int8Activations& x, std::size_t row, const Int8Kernels& kernels) {
  const Tensor& weights = *product.weights;
  const RowRange range{weights.format.get(), weights.row(row), weights.cols, 0, weights.cols};
  float* const y = product.y + row;
  std::size_t batch = 0;
  for (; batch + 4 <= product.batch; batch += 4) {
    float sums[4];
    kernels.dot4(range, Int8Vectors(x, batch), sums);
    for (std::size_t i = 0; i < 4; ++i) y[(batch + i) * product.y_stride] = sums[i];
  }
  for (; batch < product.batch; ++batch) kernels.dot(range, Int8Vectors(x, batch), y + batch * product.y_stride);
}

}  // namespace

void matvec_int8(const PackedProduct& product, int threads, Isa isa) {
  const Tensor& weights = *product.weights;
  const Int8Kernels& kernels = int8_kernels(*weights.format, isa);
  const Int8Activations x = round_activations(product.x, product.batch, weights.cols, product.x_stride, threads);
  const std::size_t rows_per_task = rows_of_task(weights, threads);
  parallel_for(threads, divide_up(weights.rows, rows_per_task), [&](std::size_t task) {
    const std::size_t end = std::min(weights.rows, (task + 1) * rows_per_task);
    for (std::size_t row = task * rows_per_task; row < end; ++row) multiply_row(product, x, row, kernels);
  });
}

}  // namespace quantbench
