// Packed weights times many rows of activations, both rounded to bf16, sums in f32 by the matrix units.
//
// First the activations are rounded (RoundKernel): each number is read by many blocks, and half as long. Then a block makes a tile of
// 128 rows of activations by 128 outputs. A step is two runs of each weight row: every thread decodes one of them into shared memory and has
// as many activations copied there asynchronously, while the step before is multiplied. Two buffers, one barrier a step.
#pragma once

#include "core/half.h"
#include "kernels/cuda/codebook_lanes.h"
#include "kernels/cuda/matmul_tile.h"

namespace quantbench::gpu {

/// Rounded activations lie by runs, as steps want them: (batch, padded_runs_of, 32), zeros where a run is shorter and at the end.
constexpr unsigned runs_of_step = 2;
template <class F>
QUANTBENCH_HOST_DEVICE constexpr std::uint32_t padded_runs_of(const formats::RowShape& shape) {
  return (runs_of_row<F>(shape) + runs_of_step - 1) / runs_of_step * runs_of_step;
}

template <class F>
struct RoundArguments {
  typename PackedMatrix<F>::Shape shape;  // of the weights
  const float* x = nullptr;               // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  std::size_t batch = 0;
  std::uint16_t* rounded = nullptr;  // (batch, padded_runs_of, 32) bf16, aligned to 16 bytes
};

/// Each thread rounds four neighbours of a run.
struct RoundKernel {
  static constexpr unsigned threads = 256, columns = 4, threads_of_run = run_weights / columns;

  template <class F>
  static std::size_t blocks(const RoundArguments<F>& arguments) {
    return (arguments.batch * padded_runs_of<F>(arguments.shape) * threads_of_run + threads - 1) / threads;
  }

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const RoundArguments<F>& arguments) {
    const std::uint32_t runs = padded_runs_of<F>(arguments.shape);
    const std::size_t index = std::size_t{thread.block()} * threads + thread.index();
    const std::size_t row = index / threads_of_run / runs;
    if (row >= arguments.batch) return;
    const auto run = static_cast<std::uint32_t>(index / threads_of_run % runs);
    const unsigned column = index % threads_of_run * columns;
    float four[columns] = {};
    if (run < runs_of_row<F>(arguments.shape)) {
      const RunPlace place = place_of_run<F>(arguments.shape, run);
      const float* const x = arguments.x + row * arguments.x_stride + place.column;
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < columns; ++i)
        if (column + i < static_cast<unsigned>(place.weights)) four[i] = x[column + i];
    }
    store_aligned(arguments.rounded + index * columns,
                  TwoWords{Thread::pack_bf16(four[0], four[1]), Thread::pack_bf16(four[2], four[3])});
  }
};

template <class F>
struct MatmulArguments {
  PackedMatrix<F> weights;
  const std::uint16_t* x = nullptr;  // RoundArguments::rounded
  float* y = nullptr;                // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
  std::size_t batch = 0;
};

/// Thread::multiply_add is mma.m16n8k16: a (16, 16) by rows, b (8, 16) by columns of the product, sums (16, 8). PTX ISA, "Matrix
/// Fragments for mma.m16n8k16 with floating point type": lane 4 g + t has of
///   a     four pairs: rows g and g + 8, columns 2 t and 2 t + 1; then the same eight columns further on
///   b     two pairs: column g of the product, depths 2 t and 2 t + 1, and eight further on
///   sums  row g, columns 2 t and 2 t + 1; row g + 8
struct MatmulKernel : MatmulTile {
  static constexpr unsigned depth = runs_of_step * run_weights;  // columns of a step
  static constexpr unsigned stride =
      depth + 8;  // of a row in shared memory: fragments of a warp lie in different banks
  static constexpr unsigned tile_numbers = tile * stride;  // of one side
  static_assert(threads == tile * runs_of_step);

  template <class F>
  static constexpr std::size_t shared_bytes = codebook_bytes<F> + 2 * 2 * tile_numbers * sizeof(std::uint16_t);

  template <class F>
  static std::size_t blocks(const MatmulArguments<F>& arguments) {
    return MatmulTile::blocks(arguments.batch, arguments.weights.rows);
  }

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const MatmulArguments<F>& arguments) {
    load_codebook<F>(thread, threads);
    thread.synchronize();
    const Place at = place_of_block(thread.block(), arguments.batch);
    const std::uint32_t runs = runs_of_row<F>(arguments.weights.shape);
    auto* const numbers = reinterpret_cast<std::uint16_t*>(Thread::shared() + codebook_bytes<F>);
    const auto buffer = [numbers](std::uint32_t step) { return numbers + step % 2 * 2 * tile_numbers; };
    Sums sums = {};
    load_step<F>(thread, arguments, at, 0, buffer(0));
    for (std::uint32_t step = 0; step * runs_of_step < runs; ++step) {
      thread.wait_for_copies();
      thread.synchronize();
      if ((step + 1) * runs_of_step < runs)
        load_step<F>(thread, arguments, at, (step + 1) * runs_of_step, buffer(step + 1));
      multiply_step(thread, buffer(step), sums);
    }
    store(thread, {arguments.y, arguments.y_stride, arguments.batch, arguments.weights.rows}, at, sums);
  }

 private:
  /// Activations first, then weights: (tile, stride) each.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_step(const Thread& thread, const MatmulArguments<F>& arguments, const Place& at,
                                          std::uint32_t first_run, std::uint16_t* buffer) {
    load_activations<F>(thread, arguments, at, first_run, buffer);
    load_weights<F>(thread, arguments.weights, at, first_run, buffer + tile_numbers);
  }

  /// Thread 2 n + r: run r of output n. Zeros beyond the matrix.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_weights(const Thread& thread, const PackedMatrix<F>& weights, const Place& at,
                                             std::uint32_t first_run, std::uint16_t* buffer) {
    const unsigned output = thread.index() / runs_of_step, run = thread.index() % runs_of_step;
    FourWords fours[run_weights / 8] = {};
    if (at.output + output < weights.rows && first_run + run < runs_of_row<F>(weights.shape)) {
      const RunPlace place = place_of_run<F>(weights.shape, first_run + run);
      const RunOfFloats decoded = decode_run<F, LanesOf<F, Thread>>(weights, at.output + output, place);
      const auto weight = [&](int i) { return i < place.weights ? decoded.value[i] : 0.0f; };
      QUANTBENCH_UNROLL
      for (int i = 0; i < run_weights / 2; ++i)
        fours[i / 4].word[i % 4] = Thread::pack_bf16(weight(2 * i), weight(2 * i + 1));
    }
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < run_weights / 8; ++i)
      store_aligned(buffer + output * stride + run * run_weights + 8 * i, fours[i]);
  }

  /// Eight neighbours copy what a step has of a row, 128 bytes. Rows beyond the last are that again; nobody stores their sums.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_activations(const Thread& thread, const MatmulArguments<F>& arguments,
                                                 const Place& at, std::uint32_t first_run, std::uint16_t* buffer) {
    constexpr unsigned numbers = 8, threads_of_row = depth / numbers;
    const std::size_t row_numbers = std::size_t{padded_runs_of<F>(arguments.weights.shape)} * run_weights;
    const unsigned column = thread.index() % threads_of_row * numbers;
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < tile * threads_of_row / threads; ++i) {
      const unsigned row = thread.index() / threads_of_row + i * (threads / threads_of_row);
      const std::size_t from = at.row + row < arguments.batch ? at.row + row : arguments.batch - 1;
      thread.copy_async(buffer + row * stride + column,
                        arguments.x + from * row_numbers + first_run * run_weights + column);
    }
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void multiply_step(const Thread& thread, const std::uint16_t* buffer, Sums& sums) {
    const Place of_warp = place_of_warp(thread.index());
    const unsigned lane = thread.index() % warp, group = lane / 4, pair = lane % 4 * 2;
    const std::uint16_t* const rows = buffer + (of_warp.row + group) * stride + pair;
    const std::uint16_t* const outputs = buffer + tile_numbers + (of_warp.output + group) * stride + pair;
    QUANTBENCH_UNROLL
    for (unsigned k = 0; k < depth; k += 16) {
      std::uint32_t b[output_tiles][2];
      QUANTBENCH_UNROLL
      for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 2; ++i) b[n][i] = load_aligned<std::uint32_t>(outputs + n * 8 * stride + k + i * 8);
      QUANTBENCH_UNROLL
      for (unsigned m = 0; m < row_tiles; ++m) {
        std::uint32_t a[4];
        QUANTBENCH_UNROLL
        for (unsigned i = 0; i < 4; ++i)
          a[i] = load_aligned<std::uint32_t>(rows + (m * 16 + i % 2 * 8) * stride + k + i / 2 * 8);
        QUANTBENCH_UNROLL
        for (unsigned n = 0; n < output_tiles; ++n) thread.multiply_add(sums[m][n], a, b[n]);
      }
    }
  }
};

}  // namespace quantbench::gpu
