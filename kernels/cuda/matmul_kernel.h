// Packed weights times many rows of activations, both rounded to bf16, sums in f32 by the matrix units.
//
// A block makes a tile of 128 rows of activations by 128 outputs. A step is two runs of each weight row: every thread decodes one of them
// into shared memory and rounds as many activations, while the step before is multiplied. Two buffers, one barrier a step.
#pragma once

#include "core/half.h"
#include "kernels/cuda/codebook_lanes.h"

namespace quantbench::gpu {

template <class F>
struct MatmulArguments {
  PackedMatrix<F> weights;
  const float* x = nullptr;  // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  float* y = nullptr;  // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
  std::size_t batch = 0;
};

/// Thread::multiply_add is mma.m16n8k16: a (16, 16) by rows, b (8, 16) by columns of the product, sums (16, 8). PTX ISA, "Matrix
/// Fragments for mma.m16n8k16 with floating point type": lane 4 g + t has of
///   a     four pairs: rows g and g + 8, columns 2 t and 2 t + 1; then the same eight columns further on
///   b     two pairs: column g of the product, depths 2 t and 2 t + 1, and eight further on
///   sums  row g, columns 2 t and 2 t + 1; row g + 8
struct MatmulKernel {
  static constexpr unsigned threads = 256, warp = 32;
  static constexpr unsigned tile = 128;                                      // rows of activations; outputs
  static constexpr unsigned step_runs = 2, depth = step_runs * run_weights;  // columns of a step
  static constexpr unsigned stride =
      depth + 8;  // of a row in shared memory: fragments of a warp lie in different banks
  static constexpr unsigned tile_numbers = tile * stride;       // of one side
  static constexpr unsigned warp_rows = 64, warp_outputs = 32;  // of the tile of a warp
  static constexpr unsigned row_tiles = warp_rows / 16, output_tiles = warp_outputs / 8;
  static_assert(threads == tile * step_runs && threads / warp == (tile / warp_rows) * (tile / warp_outputs));

  template <class F>
  static constexpr std::size_t shared_bytes = codebook_bytes<F> + 2 * 2 * tile_numbers * sizeof(std::uint16_t);

  template <class F>
  static std::size_t blocks(const MatmulArguments<F>& arguments) {
    return tiles_of(arguments.batch) * tiles_of(arguments.weights.rows);
  }

  /// Where a block's tile begins. Neighbours in time have the same outputs, whose packed weights they find in the cache.
  struct Tile {
    std::size_t row, output;
  };

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const MatmulArguments<F>& arguments) {
    load_codebook<F>(thread, threads);
    thread.synchronize();
    const std::size_t row_tile_count = tiles_of(arguments.batch);
    const Tile at = {thread.block() % row_tile_count * tile, thread.block() / row_tile_count * tile};
    const std::uint32_t runs = runs_of_row<F>(arguments.weights.shape);
    auto* const numbers = reinterpret_cast<std::uint16_t*>(Thread::shared() + codebook_bytes<F>);
    const auto buffer = [numbers](std::uint32_t step) { return numbers + step % 2 * 2 * tile_numbers; };
    float sums[row_tiles][output_tiles][4] = {};
    load_step<F>(thread, arguments, at, 0, buffer(0));
    for (std::uint32_t step = 0; step * step_runs < runs; ++step) {
      thread.synchronize();
      if ((step + 1) * step_runs < runs) load_step<F>(thread, arguments, at, (step + 1) * step_runs, buffer(step + 1));
      multiply_step(thread, buffer(step), sums);
    }
    store<F>(thread, arguments, at, sums);
  }

 private:
  struct alignas(16) FourWords {
    std::uint32_t word[4];
  };
  struct alignas(8) TwoWords {
    std::uint32_t word[2];
  };

  static constexpr std::size_t tiles_of(std::size_t count) { return (count + tile - 1) / tile; }

  /// Activations first, then weights: (tile, stride) each.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_step(const Thread& thread, const MatmulArguments<F>& arguments, const Tile& at,
                                          std::uint32_t first_run, std::uint16_t* buffer) {
    for (unsigned i = 0; i < step_runs; ++i) load_activations<F>(thread, arguments, at, first_run, i, buffer);
    load_weights<F>(thread, arguments.weights, at, first_run, buffer + tile_numbers);
  }

  /// Thread 2 n + r: run r of output n. Zeros beyond the matrix.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_weights(const Thread& thread, const PackedMatrix<F>& weights, const Tile& at,
                                             std::uint32_t first_run, std::uint16_t* buffer) {
    const unsigned output = thread.index() / step_runs, run = thread.index() % step_runs;
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

  /// Run i of the step. Eight neighbours read a row's run together, four columns each.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_activations(const Thread& thread, const MatmulArguments<F>& arguments,
                                                 const Tile& at, std::uint32_t first_run, unsigned i,
                                                 std::uint16_t* buffer) {
    const bool exists = first_run + i < runs_of_row<F>(arguments.weights.shape);
    const RunPlace place = place_of_run<F>(arguments.weights.shape, exists ? first_run + i : 0);
    const unsigned column = thread.index() % 8 * 4;
    const int left = exists ? place.weights - static_cast<int>(column) : 0;
    for (unsigned row = thread.index() / 8; row < tile; row += threads / 8) {
      const float* const x = arguments.x + (at.row + row) * arguments.x_stride + place.column + column;
      const FourFloats four = load_four(x, at.row + row < arguments.batch ? left : 0);
      const TwoWords pairs = {Thread::pack_bf16(four.value[0], four.value[1]),
                              Thread::pack_bf16(four.value[2], four.value[3])};
      store_aligned(buffer + row * stride + i * run_weights + column, pairs);
    }
  }

  /// The first `count` of four, then zeros.
  QUANTBENCH_DEVICE static FourFloats load_four(const float* x, int count) {
    FourFloats four = {};
    if (count >= 4 && reinterpret_cast<std::uintptr_t>(x) % sizeof four == 0) {
      four = load_aligned<FourFloats>(x);
    } else {
      QUANTBENCH_UNROLL
      for (int i = 0; i < 4; ++i)
        if (i < count) four.value[i] = x[i];
    }
    return four;
  }

  /// Where the warp's tile begins in that of the block.
  QUANTBENCH_DEVICE static Tile place_of_warp(unsigned index) {
    const unsigned number = index / warp;
    return {number % (tile / warp_rows) * warp_rows, number / (tile / warp_rows) * warp_outputs};
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void multiply_step(const Thread& thread, const std::uint16_t* buffer,
                                              float (&sums)[row_tiles][output_tiles][4]) {
    const Tile of_warp = place_of_warp(thread.index());
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

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void store(const Thread& thread, const MatmulArguments<F>& arguments, const Tile& at,
                                      const float (&sums)[row_tiles][output_tiles][4]) {
    const Tile of_warp = place_of_warp(thread.index());
    const unsigned lane = thread.index() % warp;
    QUANTBENCH_UNROLL
    for (unsigned m = 0; m < row_tiles; ++m) QUANTBENCH_UNROLL
    for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 4; ++i) {
      const std::size_t row = at.row + of_warp.row + m * 16 + i / 2 * 8 + lane / 4;
      const std::size_t output = at.output + of_warp.output + n * 8 + lane % 4 * 2 + i % 2;
      if (row < arguments.batch && output < arguments.weights.rows)
        arguments.y[row * arguments.y_stride + output] = sums[m][n][i];
    }
  }
};

}  // namespace quantbench::gpu
