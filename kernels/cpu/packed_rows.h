// What matvec and matvec_int8 have in common: each packed row is read once for up to four rows of activations, and threads take long
// pieces of the matrix.
#pragma once

#include <algorithm>

#include "core/checked.h"
#include "core/parallel.h"
#include "kernels/cpu/format_kernels.h"
#include "kernels/cpu/packed_product.h"

namespace quantbench {

/// Tasks are long, since the first bytes of each are not fetched ahead, and a few for each thread, since one may be held up.
inline std::size_t rows_of_task(const Tensor& weights, int threads) {
  constexpr std::size_t least_weights = 64 * 1024, tasks_of_thread = 4;
  const std::size_t least = std::max<std::size_t>(1, least_weights / std::max<std::size_t>(1, weights.cols));
  return std::max(least, divide_up(weights.rows, tasks_of_thread * static_cast<std::size_t>(std::max(threads, 1))));
}

/// `kernels` has dot and dot4; vectors_from(first) is what they take for the rows of activations from `first` on.
template <class Kernels, class VectorsFrom>
void multiply_row(const PackedProduct& product, std::size_t row, const Kernels& kernels,
                  const VectorsFrom& vectors_from) {
  const Tensor& weights = *product.weights;
  const RowRange range{weights.format.get(), weights.row(row), weights.cols, 0, weights.cols};
  float* const y = product.y + row;
  std::size_t batch = 0;
  for (; batch + 4 <= product.batch; batch += 4) {
    float sums[4];
    kernels.dot4(range, vectors_from(batch), sums);
    for (std::size_t i = 0; i < 4; ++i) y[(batch + i) * product.y_stride] = sums[i];
  }
  for (; batch < product.batch; ++batch) kernels.dot(range, vectors_from(batch), y + batch * product.y_stride);
}

template <class Kernels, class VectorsFrom>
void multiply_rows(const PackedProduct& product, int threads, const Kernels& kernels, const VectorsFrom& vectors_from) {
  const std::size_t rows = product.weights->rows, rows_per_task = rows_of_task(*product.weights, threads);
  parallel_for(threads, divide_up(rows, rows_per_task), [&](std::size_t task) {
    const std::size_t end = std::min(rows, (task + 1) * rows_per_task);
    for (std::size_t row = task * rows_per_task; row < end; ++row) multiply_row(product, row, kernels, vectors_from);
  });
}

}  // namespace quantbench
