// Packed weights times many rows of activations rounded to eight bits, products in integers by the matrix units (W8A8 and its kin).
//
// What matmul_int8 of the CPU computes: in each run of 32 columns the products of levels and rounded activations are summed exactly,
// and an output adds up, run by run in f32,
//     scale of weights * scale of activations * integer sum + offset * sum of the rounded activations.
// With groups of 16 each half of a run has a sum. Against exact sums over the rounded activations x an output is within
//     2^-24 (4 runs + 8) sum of (abs(scale level) + abs(offset)) abs(x):
// a run adds at most four numbers, two for each group.
//
// A block makes a tile as in matmul_kernel.h, and loads as there: a step is two runs of each weight row, levels as bytes.
#pragma once

#include <cmath>

#include "kernels/cuda/codebook_lanes.h"
#include "kernels/cuda/int8_activations.h"
#include "kernels/cuda/matmul_tile.h"

namespace quantbench::gpu {

/// Levels that are the integers themselves.
template <class F>
constexpr bool has_integer_levels = [] {
  if constexpr (F::floating_point)
    return false;
  else
    return !requires { F::float_levels; };
}();

template <class F>
struct Int8MatmulArguments {
  PackedMatrix<F> weights;  // groups of 16 or of whole runs of 32, as runs of activations are
  Int8Workspace x;
  float* y = nullptr;  // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
};

/// Thread::multiply_add of integers is mma.m16n8k32 with bytes that have signs. PTX ISA, "Matrix Fragments for mma.m16n8k32": lane
/// 4 g + t has of
///   a     four words: rows g and g + 8, columns 4 t to 4 t + 3; then the same sixteen columns further on
///   b     two words: column g of the product, depths 4 t to 4 t + 3, and sixteen further on
/// multiply_add_half is mma.m16n8k16, with the first two words of a and the first of b.
struct Int8MatmulKernel : MatmulTile {
  static constexpr unsigned runs_of_step = int8_runs_of_step;
  static constexpr unsigned run_words = run_weights / 4;
  static constexpr unsigned stride =
      runs_of_step * run_words + 4;  // words of a row: fragments of a warp lie in different banks
  static_assert(threads == tile * runs_of_step);

  /// Of a run of weights; with one group the first members.
  struct alignas(16) WeightFacts {
    float scales[2], offsets[2];
  };
  struct Buffer {
    std::uint32_t x[tile * stride], weights[tile * stride];
    RoundedRunFacts x_facts[tile * runs_of_step];
    WeightFacts weight_facts[tile * runs_of_step];
  };

  template <class F>
  static constexpr std::size_t shared_bytes = codebook_bytes<F> + 2 * sizeof(Buffer);

  template <class F>
  static std::size_t blocks(const Int8MatmulArguments<F>& arguments) {
    return MatmulTile::blocks(arguments.x.batch, arguments.weights.rows);
  }

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const Int8MatmulArguments<F>& arguments) {
    load_codebook<F>(thread, threads);
    thread.synchronize();
    const Place at = place_of_block(thread.block(), arguments.x.batch);
    const std::uint32_t steps = arguments.x.runs() / runs_of_step;
    auto* const buffers = reinterpret_cast<Buffer*>(Thread::shared() + codebook_bytes<F>);
    Sums sums = {};
    if (steps > 0) load_step<F>(thread, arguments, at, 0, buffers[0]);
    for (std::uint32_t step = 0; step < steps; ++step) {
      thread.wait_for_copies();
      thread.synchronize();
      if (step + 1 < steps) load_step<F>(thread, arguments, at, (step + 1) * runs_of_step, buffers[(step + 1) % 2]);
      QUANTBENCH_UNROLL
      for (unsigned run = 0; run < runs_of_step; ++run) multiply_run<F>(thread, buffers[step % 2], run, sums);
    }
    store(thread, {arguments.y, arguments.y_stride, arguments.x.batch, arguments.weights.rows}, at, sums);
  }

 private:
  template <class F>
  static constexpr unsigned groups_of_run = PackedRun<F>::affine_count;

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_step(const Thread& thread, const Int8MatmulArguments<F>& arguments,
                                          const Place& at, std::uint32_t first_run, Buffer& buffer) {
    load_activations(thread, arguments.x, at, first_run, buffer);
    load_weights<F>(thread, arguments.weights, at, first_run, buffer);
  }

  /// Thread 2 n + r: run r of output n. Zeros beyond the matrix.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void load_weights(const Thread& thread, const PackedMatrix<F>& weights, const Place& at,
                                             std::uint32_t first_run, Buffer& buffer) {
    const unsigned output = thread.index() / runs_of_step, run = thread.index() % runs_of_step;
    FourWords fours[2] = {};
    WeightFacts facts = {};
    if (at.output + output < weights.rows && first_run + run < runs_of_row<F>(weights.shape)) {
      const RunPlace place = place_of_run<F>(weights.shape, first_run + run);
      const PackedRun<F> loaded = load_run<F, LanesOf<F, Thread>>(weights, at.output + output, place);
      QUANTBENCH_UNROLL
      for (unsigned word = 0; word < run_words; ++word) fours[word / 4].word[word % 4] = loaded.levels.word[word];
      QUANTBENCH_UNROLL
      for (unsigned group = 0; group < groups_of_run<F>; ++group) {
        facts.scales[group] = loaded.affine[group].scale;
        facts.offsets[group] = loaded.affine[group].offset;
      }
    }
    std::uint32_t* const to = buffer.weights + output * stride + run * run_words;
    store_aligned(to, fours[0]);
    store_aligned(to + 4, fours[1]);
    store_aligned(buffer.weight_facts + thread.index(), facts);
  }

  /// Thread 2 n + r: run r of row n. Rows beyond the last are that again; nobody stores their sums.
  template <class Thread>
  QUANTBENCH_DEVICE static void load_activations(const Thread& thread, const Int8Workspace& x, const Place& at,
                                                 std::uint32_t first_run, Buffer& buffer) {
    const unsigned row = thread.index() / runs_of_step, run = thread.index() % runs_of_step;
    const std::size_t from_row = at.row + row < x.batch ? at.row + row : x.batch - 1;
    const std::size_t from = from_row * x.runs() + first_run + run;
    std::uint32_t* const to = buffer.x + row * stride + run * run_words;
    thread.copy_async(to, x.values() + from * run_words);
    thread.copy_async(to + 4, x.values() + from * run_words + 4);
    thread.copy_async(buffer.x_facts + thread.index(), x.facts() + from);
  }

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void multiply_run(const Thread& thread, const Buffer& buffer, unsigned run, Sums& sums) {
    const Place of_warp = place_of_warp(thread.index());
    const unsigned lane = thread.index() % warp, group = lane / 4, pair = lane % 4;
    const std::uint32_t* const rows = buffer.x + (of_warp.row + group) * stride + run * run_words + pair;
    const std::uint32_t* const outputs = buffer.weights + (of_warp.output + group) * stride + run * run_words + pair;
    std::uint32_t b[output_tiles][2];
    QUANTBENCH_UNROLL
    for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 2; ++i) b[n][i] = load_aligned<std::uint32_t>(outputs + n * 8 * stride + i * 4);
    WeightFacts of_outputs[output_tiles][2];
    QUANTBENCH_UNROLL
    for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 2; ++i)
      of_outputs[n][i] =
          load_aligned<WeightFacts>(buffer.weight_facts + (of_warp.output + n * 8 + pair * 2 + i) * runs_of_step + run);
    QUANTBENCH_UNROLL
    for (unsigned m = 0; m < row_tiles; ++m) {
      std::uint32_t a[4];
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 4; ++i)
        a[i] = load_aligned<std::uint32_t>(rows + (m * 16 + i % 2 * 8) * stride + i / 2 * 4);
      RoundedRunFacts of_rows[2];
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 2; ++i)
        of_rows[i] =
            load_aligned<RoundedRunFacts>(buffer.x_facts + (of_warp.row + m * 16 + i * 8 + group) * runs_of_step + run);
      QUANTBENCH_UNROLL
      for (unsigned n = 0; n < output_tiles; ++n) add_products<F>(thread, a, b[n], of_rows, of_outputs[n], sums[m][n]);
    }
  }

  /// Of one run: 16 rows by 8 outputs.
  template <class F, class Thread>
  QUANTBENCH_DEVICE static void add_products(const Thread& thread, const std::uint32_t (&a)[4],
                                             const std::uint32_t (&b)[2], const RoundedRunFacts (&rows)[2],
                                             const WeightFacts (&outputs)[2], float (&sums)[4]) {
    constexpr bool halves = groups_of_run<F> == 2;
    QUANTBENCH_UNROLL
    for (unsigned part = 0; part < groups_of_run<F>; ++part) {
      // Sums that begin with the bits of 1.5 * 2^23 are that plus the sum when they are read as f32: no conversion is needed.
      constexpr float start = 0x1.8p23f;
      constexpr auto start_bits = static_cast<std::int32_t>(0x4B400000);
      std::int32_t products[4] = {start_bits, start_bits, start_bits, start_bits};
      if constexpr (halves)
        thread.multiply_add_half(products, {a[2 * part], a[2 * part + 1]}, b[part]);
      else
        thread.multiply_add(products, a, b);
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 4; ++i) {
        const RoundedRunFacts& row = rows[i / 2];
        const WeightFacts& output = outputs[i % 2];
        const float product = __builtin_bit_cast(float, products[i]) - start;
        sums[i] = std::fma(row.scale * output.scales[part], product, sums[i]);
        if constexpr (F::has_offset)
          sums[i] = std::fma(output.offsets[part], halves ? row.half_sums[part] : row.sum, sums[i]);
      }
    }
  }
};

}  // namespace quantbench::gpu
