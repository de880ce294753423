// The scalar decoder of every format: the definition that vector and CUDA kernels must equal bit for bit.
#pragma once

#include <algorithm>

#include "quantizers/formats/block.h"

namespace quantbench::formats {

template <class F>
[[gnu::always_inline]] constexpr float value_of(int level) {
  if constexpr (requires { F::float_levels; })
    return F::template values<OneLane>(level);
  else
    return static_cast<float>(level);
}

/// Forced inline, as kernels of several instruction sets use it for the weights that do not fill their lanes.
template <class F>
[[gnu::always_inline]] constexpr float decode_weight(const BlockView& block, int i, Affine affine) {
  int level;
  if constexpr (F::ragged) {
    level = i < block.weights / 32 * 32 ? F::template levels<OneLane>(block.codes, i)
                                        : F::tail_level(block.codes, i, block.weights);
  } else {
    level = F::template levels<OneLane>(block.codes, i);
  }
  const float scaled = affine.scale * value_of<F>(level);
  return F::has_offset ? scaled + affine.offset : scaled;
}

/// Weights [first, last) of a block.
template <class F>
void decode_block(const BlockView& block, int first, int last, float* out) {
  const int group_weights = F::group == 0 ? block.weights : F::group;
  for (int i = first; i < last;) {
    const int group = i / group_weights;
    const Affine affine = affine_of<F>(block, group);
    for (const int end = std::min(last, (group + 1) * group_weights); i < end; ++i)
      *out++ = decode_weight<F>(block, i, affine);
  }
}

/// Format::decode of the description F.
template <class F>
void decode_scalar(const Format& format, RowBytes row, std::size_t cols, std::size_t begin, std::span<float> out) {
  if constexpr (F::floating_point) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = F::template load<OneLane>(row.row + (begin + i) * F::stored_bytes);
  } else {
    const auto shape = F::shape(format, cols);
    for (std::size_t done = 0; done < out.size();) {
      const BlockView block = F::block_at(shape, row, (begin + done) / shape.block);
      const std::size_t first = begin + done - block.begin;
      const std::size_t count = std::min(out.size() - done, static_cast<std::size_t>(block.weights) - first);
      decode_block<F>(block, static_cast<int>(first), static_cast<int>(first + count), out.data() + done);
      done += count;
    }
  }
}

}  // namespace quantbench::formats
