// Packed weights times a few rows of f32 activations, sums in f32.
//
// A warp multiplies a few rows of the matrix, so that what it reads of the activations serves all of them. A step is 32 runs of each
// row, one for each lane; the activations of a step lie in shared memory, as all warps of the block need them. Levels are multiplied as
// they are and sums of a group scaled: an output is within
//     2^-24 (cols + 8) sum of (abs(scale level) + abs(offset)) abs(x)
// of the exact product of the decoded weights, and its bits depend neither on the batch nor on how work is cut.
#pragma once

#include <cmath>

#include "kernels/cuda/codebook_lanes.h"

namespace quantbench::gpu {

template <class F>
struct MatvecArguments {
  PackedMatrix<F> weights;
  const float* x = nullptr;  // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  float* y = nullptr;  // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
};

/// batch: rows of activations.
template <class F, unsigned batch>
struct MatvecKernel {
  static constexpr unsigned threads = 256, warp = 32, warps = threads / warp;
  /// More rows share what is read of the activations and need more registers.
  static constexpr unsigned rows_of_warp = batch == 1 && !F::floating_point ? 4 : 2;
  static constexpr unsigned rows_of_block = warps * rows_of_warp;
  /// Activations of a step: of word w (four columns) of lane l at w * word_stride + 4 * l. The four more spread a run over all banks.
  static constexpr unsigned words = run_weights / 4, word_stride = 4 * warp + 4, step_floats = words * word_stride;
  static constexpr std::size_t shared_bytes = codebook_bytes<F> + batch * step_floats * sizeof(float);

  static std::size_t blocks(const PackedMatrix<F>& weights) {
    return (weights.rows + rows_of_block - 1) / rows_of_block;
  }

  /// What a thread sums: of each of its rows and each row of activations.
  struct Sums {
    float of[rows_of_warp][batch] = {};
  };

  template <class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const MatvecArguments<F>& arguments) {
    load_codebook<F>(thread, threads);
    const PackedMatrix<F>& weights = arguments.weights;
    const std::uint32_t runs = runs_of_row<F>(weights.shape);
    const std::size_t first_row = std::size_t{thread.block()} * rows_of_block + thread.index() / warp * rows_of_warp;
    const unsigned lane = thread.index() % warp;
    auto* const step_x = reinterpret_cast<float*>(Thread::shared() + codebook_bytes<F>);
    Sums sums;
    for (std::uint32_t first_run = 0; first_run < runs; first_run += warp) {
      thread.synchronize();
      load_step(thread, arguments, first_run, step_x);
      thread.synchronize();
      if (first_run + lane < runs && first_row < weights.rows)
        add_run<Thread>(weights, first_row, place_of_run<F>(weights.shape, first_run + lane), step_x + 4 * lane, sums);
    }
    store_sums(thread, arguments, first_row, sums);
  }

 private:
  /// By all threads; zeros where a run has fewer than 32 columns.
  template <class Thread>
  QUANTBENCH_DEVICE static void load_step(const Thread& thread, const MatvecArguments<F>& arguments,
                                          std::uint32_t first_run, float* step_x) {
    const std::uint32_t runs = runs_of_row<F>(arguments.weights.shape);
    const unsigned column = thread.index() % run_weights;
    for (unsigned run = thread.index() / run_weights; run < warp; run += threads / run_weights) {
      if (first_run + run >= runs) return;
      const RunPlace place = place_of_run<F>(arguments.weights.shape, first_run + run);
      const bool exists = column < static_cast<unsigned>(place.weights);
      QUANTBENCH_UNROLL
      for (unsigned b = 0; b < batch; ++b)
        step_x[b * step_floats + column / 4 * word_stride + 4 * run + column % 4] =
            exists ? arguments.x[b * arguments.x_stride + place.column + column] : 0.0f;
    }
  }

  /// Rows beyond the last are that again; nobody stores their sums.
  template <class Thread>
  QUANTBENCH_DEVICE static void add_run(const PackedMatrix<F>& weights, std::size_t first_row, const RunPlace& place,
                                        const float* x, Sums& sums) {
    const auto row = [&](unsigned r) { return first_row + r < weights.rows ? first_row + r : weights.rows - 1; };
    if constexpr (F::floating_point) {
      RunOfFloats runs[rows_of_warp];
      QUANTBENCH_UNROLL
      for (unsigned r = 0; r < rows_of_warp; ++r) runs[r] = decode_run<F>(weights, row(r), place);
      QUANTBENCH_UNROLL
      for (unsigned word = 0; word < words; ++word)
        add_word(
            x + word * word_stride,
            [&](unsigned r) {
              return FourFloats{{runs[r].value[4 * word], runs[r].value[4 * word + 1], runs[r].value[4 * word + 2],
                                 runs[r].value[4 * word + 3]}};
            },
            sums.of);
    } else {
      PackedRun<F> runs[rows_of_warp];
      QUANTBENCH_UNROLL
      for (unsigned r = 0; r < rows_of_warp; ++r) runs[r] = load_run<F, LanesOf<F, Thread>>(weights, row(r), place);
      constexpr unsigned group_words = words / PackedRun<F>::affine_count;
      QUANTBENCH_UNROLL
      for (unsigned group = 0; group < words / group_words; ++group)
        add_group(runs, group * group_words, (group + 1) * group_words, x, sums);
    }
  }

  /// Words [first, last), which have the same affine.
  QUANTBENCH_DEVICE static void add_group(const PackedRun<F> (&runs)[rows_of_warp], unsigned first, unsigned last,
                                          const float* x, Sums& sums) {
    float of_levels[rows_of_warp][batch] = {}, of_x[batch] = {};
    QUANTBENCH_UNROLL
    for (unsigned word = first; word < last; ++word) {
      FourFloats values[rows_of_warp];
      QUANTBENCH_UNROLL
      for (unsigned r = 0; r < rows_of_warp; ++r) values[r] = values_of_word<F>(runs[r].levels.word[word]);
      add_word(
          x + word * word_stride, [&](unsigned r) { return values[r]; }, of_levels);
      if constexpr (F::has_offset) add_activations(x + word * word_stride, of_x);
    }
    QUANTBENCH_UNROLL
    for (unsigned r = 0; r < rows_of_warp; ++r) {
      const Affine& affine = runs[r].affine_of_word(static_cast<int>(first));
      QUANTBENCH_UNROLL
      for (unsigned b = 0; b < batch; ++b) {
        sums.of[r][b] = std::fma(affine.scale, of_levels[r][b], sums.of[r][b]);
        if constexpr (F::has_offset) sums.of[r][b] = std::fma(affine.offset, of_x[b], sums.of[r][b]);
      }
    }
  }

  /// values_of(r): four of row r.
  template <class ValuesOf>
  QUANTBENCH_DEVICE static void add_word(const float* x, const ValuesOf& values_of,
                                         float (&sums)[rows_of_warp][batch]) {
    FourFloats values[rows_of_warp];
    QUANTBENCH_UNROLL
    for (unsigned r = 0; r < rows_of_warp; ++r) values[r] = values_of(r);
    QUANTBENCH_UNROLL
    for (unsigned b = 0; b < batch; ++b) {
      const FourFloats four = load_aligned<FourFloats>(x + b * step_floats);
      QUANTBENCH_UNROLL
      for (unsigned r = 0; r < rows_of_warp; ++r) QUANTBENCH_UNROLL
      for (int i = 0; i < 4; ++i) sums[r][b] = std::fma(values[r].value[i], four.value[i], sums[r][b]);
    }
  }

  QUANTBENCH_DEVICE static void add_activations(const float* x, float (&sums)[batch]) {
    QUANTBENCH_UNROLL
    for (unsigned b = 0; b < batch; ++b) {
      const FourFloats four = load_aligned<FourFloats>(x + b * step_floats);
      sums[b] += (four.value[0] + four.value[1]) + (four.value[2] + four.value[3]);
    }
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void store_sums(const Thread& thread, const MatvecArguments<F>& arguments,
                                           std::size_t first_row, const Sums& sums) {
    QUANTBENCH_UNROLL
    for (unsigned r = 0; r < rows_of_warp; ++r) QUANTBENCH_UNROLL
    for (unsigned b = 0; b < batch; ++b) {
      float sum = sums.of[r][b];
      for (int distance = warp / 2; distance > 0; distance /= 2) sum += thread.shuffle_xor(sum, distance);
      if (thread.index() % warp == 0 && first_row + r < arguments.weights.rows)
        arguments.y[b * arguments.y_stride + first_row + r] = sum;
    }
  }
};

}  // namespace quantbench::gpu
