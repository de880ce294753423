// What a CUDA thread does with packed weights: it decodes runs of up to 32 of one row.
//
// Formats say what levels and affines are (quantizers/formats/block.h); nothing of that is repeated here. Every block is cut into whole
// runs and, where its length is no multiple of 32, one shorter run; all rows of a matrix are cut alike.
#pragma once

#include <utility>

#include "core/tensor.h"
#include "kernels/cuda/thread_lanes.h"
#include "quantizers/formats/decode.h"
#include "quantizers/formats/grouped_codes.h"

namespace quantbench::gpu {

constexpr int run_weights = 32;

template <class F>
constexpr auto shape_of(const Format& format, std::size_t cols) {
  if constexpr (F::floating_point)
    return formats::RowShape{cols, 1, false};
  else
    return F::shape(format, cols);
}

/// A packed matrix as a kernel gets it: by value, with addresses on the device.
template <class F>
struct PackedMatrix {
  using Shape = decltype(shape_of<F>(std::declval<const Format&>(), 0));

  const std::byte* header = nullptr;
  const std::byte* first_row = nullptr;
  std::size_t row_bytes = 0;
  std::size_t rows = 0;
  Shape shape;

  QUANTBENCH_HOST_DEVICE RowBytes row(std::size_t index) const {
    return {header, first_row + index * row_bytes, index};
  }
};

/// `bytes`: where those of the tensor are on the device. F is the description of its format. Throws Error for rows of 2^31 weights.
template <class F>
PackedMatrix<F> packed_matrix(const Tensor& tensor, const std::byte* bytes) {
  const Format& format = *tensor.format;
  formats::check_row_length(tensor.cols);
  return {bytes, bytes + format.header_bytes(tensor.rows, tensor.cols), format.row_bytes(format, tensor.cols),
          tensor.rows, shape_of<F>(format, tensor.cols)};
}

/// A run of a row. Rows have fewer than 2^31 weights, so that runs are counted in 32 bits: divisions of these are short.
struct RunPlace {
  std::uint32_t block = 0;
  int first = 0;           // weight of the block
  int weights = 0;         // 1 to 32
  std::size_t column = 0;  // weight of the row
};

QUANTBENCH_HOST_DEVICE constexpr std::uint32_t runs_in(std::size_t weights) {
  return (static_cast<std::uint32_t>(weights) + run_weights - 1) / run_weights;
}

template <class F>
constexpr bool is_ragged = [] {
  if constexpr (!F::floating_point) return F::ragged;
  return false;
}();

/// Runs of a row; floating point formats have no blocks, a row is their only one.
template <class F>
QUANTBENCH_HOST_DEVICE constexpr std::uint32_t runs_of_block(const formats::RowShape& shape) {
  if constexpr (F::floating_point)
    return runs_in(shape.cols);
  else if constexpr (is_ragged<F>)
    return runs_in(shape.block);
  else
    return F::block / run_weights;
}

template <class F>
QUANTBENCH_HOST_DEVICE constexpr std::uint32_t runs_of_row(const formats::RowShape& shape) {
  if constexpr (!is_ragged<F>) return runs_in(shape.cols);
  const auto cols = static_cast<std::uint32_t>(shape.cols), block = static_cast<std::uint32_t>(shape.block);
  return cols / block * runs_in(block) + runs_in(cols % block);
}

template <class F>
QUANTBENCH_HOST_DEVICE constexpr RunPlace place_of_run(const formats::RowShape& shape, std::uint32_t run) {
  const std::uint32_t of_block = runs_of_block<F>(shape);
  const std::uint32_t block = run / of_block, first = run % of_block * run_weights;
  if constexpr (F::floating_point || is_ragged<F>) {
    const std::size_t block_weights = F::floating_point ? shape.cols : shape.block;
    const std::size_t column = block * block_weights + first;
    const std::size_t of_block_left = block_weights - first, of_row_left = shape.cols - column;
    const std::size_t left = of_block_left < of_row_left ? of_block_left : of_row_left;
    return {block, static_cast<int>(first), left < run_weights ? static_cast<int>(left) : run_weights, column};
  } else {
    return {block, static_cast<int>(first), run_weights, std::size_t{run} * run_weights};
  }
}

/// A run of weights before they are multiplied out: bytes as F::levels gives them, and the affines of each half, or of all.
template <class F>
struct PackedRun {
  static constexpr int affine_count = F::group == 16 ? 2 : 1;
  static_assert(F::group == 0 || F::group == 16 || F::group % run_weights == 0);
  RunOfBytes levels;
  Affine affine[affine_count];

  QUANTBENCH_HOST_DEVICE const Affine& affine_of_word(int word) const { return affine[word * affine_count / 8]; }
};

/// The levels of a run of fewer than 32 weights, zeros after them. Out of line: it would be most of the code and is little of the work.
template <class F>
[[gnu::noinline]] QUANTBENCH_HOST_DEVICE RunOfBytes tail_levels(const formats::BlockView& block, int first) {
  std::uint8_t bytes[run_weights] = {};
  for (int i = first; i < block.weights; ++i)
    bytes[i - first] = static_cast<std::uint8_t>(F::tail_level(block.codes, i, block.weights));
  RunOfBytes levels;
  std::memcpy(levels.word, bytes, sizeof bytes);
  return levels;
}

/// L: ThreadLanes, or what else a kernel has for the tables of codebook formats.
template <class F, class L = ThreadLanes>
QUANTBENCH_HOST_DEVICE PackedRun<F> load_run(const PackedMatrix<F>& matrix, std::size_t row, const RunPlace& place) {
  const formats::BlockView block = F::block_at(matrix.shape, matrix.row(row), place.block);
  PackedRun<F> run;
  if (is_ragged<F> && place.weights < run_weights) {
    if constexpr (is_ragged<F>) run.levels = tail_levels<F>(block, place.first);
  } else {
    run.levels = F::template levels<L>(block.codes, place.first);
  }
  const int group = F::group == 0 ? 0 : place.first / (F::group == 0 ? 1 : F::group);
  QUANTBENCH_UNROLL
  for (int i = 0; i < PackedRun<F>::affine_count; ++i) run.affine[i] = formats::affine_of<F>(block, group + i);
  return run;
}

struct alignas(16) FourFloats {
  float value[4];
};

/// What the levels of one word stand for. Signed bytes: plus 128 they are the low bits of 2^23 + 128 + level as f32.
template <class F>
QUANTBENCH_HOST_DEVICE FourFloats values_of_word(std::uint32_t levels) {
  FourFloats values;
  if constexpr (requires { F::float_levels; }) {
    QUANTBENCH_UNROLL
    for (int i = 0; i < 4; ++i) values.value[i] = formats::value_of<F>(static_cast<int>(levels >> (8 * i) & 0xFF));
  } else {
    constexpr std::uint32_t two_to_23 = 0x4B000000u;
    const std::uint32_t shifted = levels ^ in_each_byte(0x80);
    QUANTBENCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t bits = permute_bytes(shifted, two_to_23, 0x7440u + static_cast<unsigned>(i));
      values.value[i] = __builtin_bit_cast(float, bits) - 8388736.0f;
    }
  }
  return values;
}

/// scale * value, then + offset, rounded after each as in decode_weight. Compiled without contraction.
template <class F>
QUANTBENCH_HOST_DEVICE RunOfFloats weights_of(const PackedRun<F>& run) {
  RunOfFloats weights;
  QUANTBENCH_UNROLL
  for (int word = 0; word < 8; ++word) {
    const FourFloats values = values_of_word<F>(run.levels.word[word]);
    const Affine& affine = run.affine_of_word(word);
    QUANTBENCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float scaled = affine.scale * values.value[i];
      weights.value[4 * word + i] = F::has_offset ? scaled + affine.offset : scaled;
    }
  }
  return weights;
}

/// Weights of a floating point format; zeros after the last.
template <class F>
QUANTBENCH_HOST_DEVICE RunOfFloats load_floats(const std::byte* first, int count) {
  if (count == run_weights) return F::template load<ThreadLanes>(first);
  RunOfFloats weights;
  QUANTBENCH_UNROLL
  for (int i = 0; i < run_weights; ++i)
    weights.value[i] = i < count ? F::template load<formats::OneLane>(first + i * F::stored_bytes) : 0.0f;
  return weights;
}

/// The weights of a run, the same bits as Format::decode gives (NaN with any payload). What comes after a short run is 0 times its scale.
template <class F, class L = ThreadLanes>
QUANTBENCH_HOST_DEVICE RunOfFloats decode_run(const PackedMatrix<F>& matrix, std::size_t row, const RunPlace& place) {
  if constexpr (F::floating_point)
    return load_floats<F>(matrix.row(row).row + place.column * F::stored_bytes, place.weights);
  else
    return weights_of(load_run<F, L>(matrix, row, place));
}

}  // namespace quantbench::gpu
