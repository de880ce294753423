#include "kernels/cpu/decode.h"

#include <algorithm>

#include "core/checked.h"
#include "core/parallel.h"
#include "kernels/cpu/isa_kernels.h"

namespace quantbench {
namespace {

/// Rows are handed to threads in runs of about this many weights.
constexpr std::size_t weights_per_task = 32 * 1024;

}  // namespace

void decode_rows(const Tensor& tensor, std::size_t first_row, std::size_t row_count, std::span<float> out, int threads,
                 Isa isa) {
  if (first_row > tensor.rows || row_count > tensor.rows - first_row)
    fail("tensor '{}': rows {} to {} asked for, it has {}", tensor.name, first_row, checked_add(first_row, row_count),
         tensor.rows);
  if (out.size() != checked_multiply(row_count, tensor.cols))
    fail("tensor '{}': {} rows of {} weights do not fit a buffer of {}", tensor.name, row_count, tensor.cols,
         out.size());
  if (!is_loaded(tensor)) return decode_rows(loaded(tensor), first_row, row_count, out, threads, isa);
  const auto decode = isa_kernels(isa).formats[tensor.format->layout].decode;
  const std::size_t rows_per_task = std::max<std::size_t>(1, weights_per_task / std::max<std::size_t>(1, tensor.cols));
  parallel_for(threads, divide_up(row_count, rows_per_task), [&](std::size_t task) {
    const std::size_t end = std::min(row_count, (task + 1) * rows_per_task);
    for (std::size_t row = task * rows_per_task; row < end; ++row)
      decode({tensor.format.get(), tensor.row(first_row + row), tensor.cols, 0, tensor.cols},
             out.data() + row * tensor.cols);
  });
}

}  // namespace quantbench
