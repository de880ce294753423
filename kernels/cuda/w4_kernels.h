// Products of repacked 4-bit weights (w4_layout.h) with activations rounded to bf16, sums in f32 by the matrix units (W4A16).
//
// A weight enters the matrix units as the integer level - zero, which bf16 holds exactly, and sums of up to 64 columns are multiplied by
// the scale afterwards: unlike matmul_bf16 no weight is rounded. Against the exact sum over the rounded activations x an output is within
//     2^-22 (cols + 2) sum of abs(w x)
// (2^-24 if matrix units round as f32 arithmetic does). A row of the output depends on its row of activations alone.
//
// Two bf16 numbers come from a word of eight codes by one shift and one logical operation: the code under the exponent of 128, whose unit in
// the last place is 1, is 128 + code; a subtraction of 128 + 8 + zero leaves the integer.
#pragma once

#include <cmath>

#include "kernels/cuda/matmul_tile.h"
#include "kernels/cuda/w4_layout.h"

namespace quantbench::gpu {

/// Rounded activations in pieces of 8 rows by 64 columns, 32 bytes for each lane: lane 4 g + t has row g, words as W4Layout has pairs:
/// of 16 columns k the pairs 2 t and 2 t + 8 are words 2 k and 2 k + 1. Rows and columns are filled up with zeros.
struct W4Activations {
  static constexpr std::size_t rows_of_piece = 8;
  static constexpr unsigned lane_words = 8, piece_words = 32 * lane_words;

  std::size_t batch = 0, cols = 0;
  std::uint32_t* words = nullptr;  // bytes(), aligned to 16

  /// Rows in whole tiles of 16, as the matrix units have them on that side.
  QUANTBENCH_HOST_DEVICE std::size_t row_pieces() const { return (batch + 15) / 16 * 2; }
  QUANTBENCH_HOST_DEVICE std::size_t column_pieces() const {
    return (cols + W4Layout::columns - 1) / W4Layout::columns;
  }
  QUANTBENCH_HOST_DEVICE std::size_t all_words() const { return row_pieces() * column_pieces() * piece_words; }
  std::size_t bytes() const { return all_words() * sizeof(std::uint32_t); }

  /// Of two times 16 columns: `half` 0 or 1.
  QUANTBENCH_HOST_DEVICE FourWords load(std::size_t row_piece, std::size_t column_piece, unsigned lane,
                                        unsigned half) const {
    return load_aligned<FourWords>(words + (row_piece * column_pieces() + column_piece) * piece_words +
                                   lane * lane_words + half * 4);
  }
};

struct RoundW4Arguments {
  W4Activations to;
  const float* x = nullptr;  // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
};

/// Each thread makes one word.
struct RoundW4Kernel {
  static constexpr unsigned threads = 256;

  static std::size_t blocks(const RoundW4Arguments& arguments) {
    return (arguments.to.all_words() + threads - 1) / threads;
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const RoundW4Arguments& arguments) {
    const std::size_t index = std::size_t{thread.block()} * threads + thread.index();
    if (index >= arguments.to.all_words()) return;
    const std::size_t piece = index / W4Activations::piece_words;
    const auto in_piece = static_cast<unsigned>(index % W4Activations::piece_words);
    const unsigned lane = in_piece / W4Activations::lane_words, word = in_piece % W4Activations::lane_words;
    const std::size_t row = piece / arguments.to.column_pieces() * W4Activations::rows_of_piece + lane / 4;
    const std::size_t column =
        piece % arguments.to.column_pieces() * W4Layout::columns + word / 2 * 16 + word % 2 * 8 + lane % 4 * 2;
    const auto number = [&](std::size_t at) {
      return row < arguments.to.batch && at < arguments.to.cols ? arguments.x[row * arguments.x_stride + at] : 0.0f;
    };
    arguments.to.words[index] = Thread::pack_bf16(number(column), number(column + 1));
  }
};

struct W4Arguments {
  W4Matrix weights;
  W4Activations x;
  float* y = nullptr;  // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
};

/// Pair i of a word of codes, as bf16 numbers level - zero. excess: W4Matrix::excess_of the affine.
template <class Thread>
QUANTBENCH_DEVICE std::uint32_t w4_pair(const Thread& thread, std::uint32_t word, unsigned i, std::uint32_t excess) {
  constexpr std::uint32_t codes = 0x000F000Fu, two_128 = 0x43004300u;
  return thread.subtract_bf16_pairs((word >> (4 * i) & codes) | two_128, excess);
}

/// For up to 8 rows of activations. A warp multiplies 16 outputs by all rows, as a (16, 16) times b (16, 8); the warps of a block share
/// the columns and add up what they found through shared memory, in their order.
/// spans: affines of 64 columns, 1 or 2.
template <unsigned spans>
struct W4MatvecKernel {
  static constexpr unsigned threads = 256, warp = 32, warps = threads / warp;
  static constexpr unsigned rows = 8;  // of activations
  static constexpr std::size_t shared_bytes = warps * warp * 4 * sizeof(float);

  static std::size_t blocks(const W4Arguments& arguments) { return arguments.weights.layout.output_pieces(); }

  template <class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const W4Arguments& arguments) {
    const unsigned lane = thread.index() % warp;
    const std::size_t pieces = arguments.weights.layout.column_pieces();
    float sums[4] = {};
    for (std::size_t piece = thread.index() / warp; piece < pieces; piece += warps)
      add_piece(thread, arguments, piece, lane, sums);
    auto* const shared = reinterpret_cast<float*>(Thread::shared());
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 4; ++i) shared[i * threads + thread.index()] = sums[i];
    thread.synchronize();
    if (thread.index() < warp) store(thread, arguments, shared);
  }

 private:
  template <class Thread>
  QUANTBENCH_DEVICE static void add_piece(const Thread& thread, const W4Arguments& arguments, std::size_t piece,
                                          unsigned lane, float (&sums)[4]) {
    const FourWords codes = arguments.weights.codes(thread.block(), piece, lane);
    QUANTBENCH_UNROLL
    for (unsigned span = 0; span < spans; ++span) {
      const std::size_t column = piece * W4Layout::columns + span * 32;
      if (column >= arguments.weights.layout.cols) return;
      const std::uint32_t* const affines = arguments.weights.affines(thread.block(), column) + lane / 4;
      const std::uint32_t lower = load_aligned<std::uint32_t>(affines),
                          upper = load_aligned<std::uint32_t>(affines + 8);
      const std::uint32_t excesses[2] = {W4Matrix::excess_of(lower), W4Matrix::excess_of(upper)};
      float products[4] = {};
      QUANTBENCH_UNROLL
      for (unsigned half = span * (2 / spans); half < (span + 1) * (2 / spans); ++half)
        multiply_half(thread, codes, half, arguments.x.load(0, piece, lane, half), excesses, products);
      const float scales[2] = {W4Matrix::scale_of(lower), W4Matrix::scale_of(upper)};
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 4; ++i) sums[i] = std::fma(scales[i / 2], products[i], sums[i]);
    }
  }

  /// 32 columns.
  template <class Thread>
  QUANTBENCH_DEVICE static void multiply_half(const Thread& thread, const FourWords& codes, unsigned half,
                                              const FourWords& x, const std::uint32_t (&excesses)[2],
                                              float (&products)[4]) {
    QUANTBENCH_UNROLL
    for (unsigned k = 0; k < 2; ++k) {
      std::uint32_t a[4];
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 4; ++i)
        a[i] = w4_pair(thread, codes.word[i % 2 * 2 + half], 2 * k + i / 2, excesses[i % 2]);
      thread.multiply_add(products, a, {x.word[2 * k], x.word[2 * k + 1]});
    }
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void store(const Thread& thread, const W4Arguments& arguments, const float* shared) {
    const unsigned lane = thread.index();
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 4; ++i) {
      float sum = 0;
      for (unsigned w = 0; w < warps; ++w) sum += shared[i * threads + w * warp + lane];
      const std::size_t output = thread.block() * W4Layout::outputs + i / 2 * 8 + lane / 4, row = lane % 4 * 2 + i % 2;
      if (row < arguments.x.batch && output < arguments.weights.layout.rows)
        arguments.y[row * arguments.y_stride + output] = sum;
    }
  }
};

/// For many rows: tiles as in matmul_tile.h. Both sides come as the registers want them, so that nothing passes through shared memory
/// and no warp waits for others; what warps of a block read twice is in the first cache.
template <unsigned spans>
struct W4MatmulKernel : MatmulTile {
  static std::size_t blocks(const W4Arguments& arguments) {
    return MatmulTile::blocks(arguments.x.batch, arguments.weights.layout.rows);
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const W4Arguments& arguments) {
    const Place at = place_of_block(thread.block(), arguments.x.batch), of_warp = place_of_warp(thread.index());
    const Place begin = {at.row + of_warp.row, at.output + of_warp.output};
    const W4Layout& layout = arguments.weights.layout;
    Sums sums = {};
    if (begin.row < arguments.x.batch && begin.output < layout.rows) {
      const std::size_t pieces = layout.column_pieces();
      for (std::size_t piece = 0; piece < pieces; ++piece) multiply_piece(thread, arguments, begin, piece, sums);
    }
    store(thread, {arguments.y, arguments.y_stride, arguments.x.batch, layout.rows}, at, sums);
  }

 private:
  static constexpr unsigned weight_pieces = warp_outputs / W4Layout::outputs;

  /// Those beyond the last are that again; nobody stores their sums.
  QUANTBENCH_DEVICE static std::size_t at_most(std::size_t index, std::size_t count) {
    return index < count ? index : count - 1;
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void multiply_piece(const Thread& thread, const W4Arguments& arguments, const Place& begin,
                                               std::size_t piece, Sums& sums) {
    const unsigned lane = thread.index() % warp;
    const W4Layout& layout = arguments.weights.layout;
    std::size_t output_pieces[weight_pieces];
    FourWords codes[weight_pieces];
    QUANTBENCH_UNROLL
    for (unsigned p = 0; p < weight_pieces; ++p) {
      output_pieces[p] = at_most(begin.output / W4Layout::outputs + p, layout.output_pieces());
      codes[p] = arguments.weights.codes(output_pieces[p], piece, lane);
    }
    QUANTBENCH_UNROLL
    for (unsigned span = 0; span < spans; ++span) {
      const std::size_t column = piece * W4Layout::columns + span * 32;
      if (column >= layout.cols) return;
      std::uint32_t excesses[output_tiles];
      float scales[output_tiles][2];
      QUANTBENCH_UNROLL
      for (unsigned n = 0; n < output_tiles; ++n) {
        const std::uint32_t* const affines = arguments.weights.affines(output_pieces[n / 2], column) + n % 2 * 8;
        excesses[n] = W4Matrix::excess_of(load_aligned<std::uint32_t>(affines + lane / 4));
        const auto two = load_aligned<TwoWords>(affines + lane % 4 * 2);
        scales[n][0] = W4Matrix::scale_of(two.word[0]), scales[n][1] = W4Matrix::scale_of(two.word[1]);
      }
      multiply_span(thread, arguments.x, begin.row, piece, span, codes, excesses, scales, sums);
    }
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void multiply_span(const Thread& thread, const W4Activations& x, std::size_t first_row,
                                              std::size_t piece, unsigned span, const FourWords (&codes)[weight_pieces],
                                              const std::uint32_t (&excesses)[output_tiles],
                                              const float (&scales)[output_tiles][2], Sums& sums) {
    constexpr unsigned halves = 2 / spans;
    const unsigned lane = thread.index() % warp;
    std::uint32_t b[output_tiles][2 * halves][2];
    QUANTBENCH_UNROLL
    for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
    for (unsigned k = 0; k < 2 * halves; ++k) QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 2; ++i)
      b[n][k][i] = w4_pair(thread, codes[n / 2].word[n % 2 * 2 + span * halves + k / 2], k % 2 * 2 + i, excesses[n]);
    QUANTBENCH_UNROLL
    for (unsigned m = 0; m < row_tiles; ++m) {
      const std::size_t row_piece = at_most(first_row / 16 + m, x.row_pieces() / 2) * 2;
      float products[output_tiles][4] = {};
      QUANTBENCH_UNROLL
      for (unsigned half = 0; half < halves; ++half) {
        const FourWords upper = x.load(row_piece, piece, lane, span * halves + half),
                        lower = x.load(row_piece + 1, piece, lane, span * halves + half);
        QUANTBENCH_UNROLL
        for (unsigned k = 0; k < 2; ++k) QUANTBENCH_UNROLL
        for (unsigned n = 0; n < output_tiles; ++n)
          thread.multiply_add(products[n],
                              {upper.word[2 * k], lower.word[2 * k], upper.word[2 * k + 1], lower.word[2 * k + 1]},
                              b[n][2 * half + k]);
      }
      QUANTBENCH_UNROLL
      for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
      for (unsigned i = 0; i < 4; ++i) sums[m][n][i] = std::fma(scales[n][i % 2], products[n][i], sums[m][n][i]);
    }
  }
};

}  // namespace quantbench::gpu
