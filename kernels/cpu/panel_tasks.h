// How products with many rows of activations are cut into tasks, and how the outputs of a task are written: what the drivers of
// matmul_int8 and matmul_bf16 have in common.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/parallel.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/cpu/uninitialized.h"

namespace quantbench {

struct IndexRange {
  std::size_t first = 0, count = 0;
};

/// Most rows of activations that meet a panel of weights once it is unpacked: their sums stay in the cache.
inline constexpr std::size_t rows_of_panel_task = 512;
/// Most panels whose outputs are written together: rows of y lie far apart, and each visit of one costs.
inline constexpr std::size_t panels_of_task = 4;

/// run(outputs, rows) for each task: whole panels, but for the last of the matrix.
template <class Run>
void run_panel_tasks(const PackedProduct& product, std::size_t panel_outputs, int threads, const Run& run) {
  constexpr std::size_t tasks_per_thread = 4;
  const std::size_t all = product.weights->rows, row_blocks = divide_up(product.batch, rows_of_panel_task);
  const std::size_t wanted = static_cast<std::size_t>(std::max(threads, 1)) * tasks_per_thread;
  const std::size_t panels =
      std::clamp<std::size_t>(divide_up(all, panel_outputs) * row_blocks / wanted, 1, panels_of_task);
  const std::size_t outputs = panels * panel_outputs;
  parallel_for(threads, divide_up(all, outputs) * row_blocks, [&](std::size_t task) {
    const std::size_t first = task / row_blocks * outputs, row = task % row_blocks * rows_of_panel_task;
    run(IndexRange{first, std::min(outputs, all - first)},
        IndexRange{row, std::min(rows_of_panel_task, product.batch - row)});
  });
}

/// sums(row, i): where `width` outputs of the task from its i-th on lie, for a row of the task.
template <std::size_t width, class Sums>
void write_outputs(const PackedProduct& product, const IndexRange& outputs, const IndexRange& rows, const Sums& sums) {
  constexpr std::size_t ahead = 4;
  float* const y = product.y + rows.first * product.y_stride + outputs.first;
  for (std::size_t row = 0; row < rows.count; ++row) {
    float* const to = y + row * product.y_stride;
    if (row + ahead < rows.count)
      for (std::size_t i = 0; i < outputs.count; i += cache_line / sizeof(float))
        __builtin_prefetch(to + ahead * product.y_stride + i, 1);
    std::size_t i = 0;  // most copies have a size that the compiler knows: loops over bytes took a sixth of all time
    for (; i + width <= outputs.count; i += width) std::memcpy(to + i, sums(row, i), width * sizeof(float));
    if (i < outputs.count) std::memcpy(to + i, sums(row, i), (outputs.count - i) * sizeof(float));
  }
}

}  // namespace quantbench
