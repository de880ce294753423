// The kernels on packed weights, written once over a format description F and lanes L (quantizers/formats/lanes.h) that
// also have
//   L::Vector, L::parts            Floats are `parts` registers of Vector (kernels/cpu/vector_*.h)
//   L::part(floats, index)         one of them
//   L::to_floats(levels)           levels read as signed numbers
//   L::sums_per_row                registers of partial sums per vector when four vectors are multiplied at once
// Compiled once per instruction set; the rules of matmul_tile_impl.h about inline functions hold here too.
#pragma once

#include "kernels/cpu/format_kernels.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/decode.h"

namespace quantbench {
namespace {

template <class L>
constexpr std::size_t lanes_width = static_cast<std::size_t>(L::width);

template <class L>
[[gnu::always_inline]] inline void store_floats(float* out, typename L::Floats floats) {
  using V = typename L::Vector;
  for (std::size_t p = 0; p < L::parts; ++p) V::store(out + p * V::width, L::part(floats, p));
}

/// scale * level, then + offset, rounded after each as the scalar decoder does.
template <class F, class L>
[[gnu::always_inline]] inline typename L::Floats apply_affine(typename L::Floats floats, Affine affine) {
  using V = typename L::Vector;
  const auto scale = V::broadcast(affine.scale);
  const auto offset = V::broadcast(affine.offset);
  for (std::size_t p = 0; p < L::parts; ++p) {
    auto& part = L::part(floats, p);
    part = V::multiply(scale, part);
    if constexpr (F::has_offset) part = V::add(part, offset);
  }
  return floats;
}

/// A part of a block: weights [first, last), and where the first of them goes in the row range.
struct BlockPart {
  formats::BlockView block;
  int first, last;
  std::size_t at;
};

/// Weights that do not fill the lanes (fewer than 32), one by one. Out of line, since it would be most of the code and
/// is little of the work; through a buffer, since a visitor whose address is taken could not keep its sums in
/// registers.
template <class F>
[[gnu::noinline]] void decode_ones(const BlockPart& part, Affine affine, float* out) {
  for (int i = part.first; i < part.last; ++i) *out++ = formats::decode_weight<F>(part.block, i, affine);
}

template <class F, class Visit>
[[gnu::always_inline]] inline void visit_ones(const BlockPart& part, Affine affine, Visit& visit) {
  float weights[32];
  decode_ones<F>(part, affine, weights);
  for (int i = 0; i < part.last - part.first; ++i) visit.one(part.at + static_cast<std::size_t>(i), weights[i]);
}

/// Calls visit.run(at, Floats) for whole runs of lanes and visit.one(at, float) for the other weights of one group.
template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_group(const BlockPart& part, Affine affine, Visit& visit) {
  constexpr int width = L::width;
  const int whole = F::ragged ? part.block.weights / 32 * 32 : part.block.weights;
  const int aligned = (part.first + width - 1) / width * width;
  BlockPart ones = part;
  if (aligned != part.first) {
    ones.last = aligned < part.last ? aligned : part.last;
    visit_ones<F>(ones, affine, visit);
    ones.at += static_cast<std::size_t>(ones.last - ones.first);
    ones.first = ones.last;
  }
  const int end = part.last < whole ? part.last : whole;
  for (; ones.first + width <= end; ones.first += width, ones.at += static_cast<std::size_t>(width))
    visit.run(ones.at, apply_affine<F, L>(L::to_floats(F::template levels<L>(part.block.codes, ones.first)), affine));
  ones.last = part.last;
  if (ones.first < ones.last) visit_ones<F>(ones, affine, visit);
}

template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_block(const BlockPart& part, Visit& visit) {
  if constexpr (F::group == 0) {
    visit_group<F, L>(part, F::affine(part.block.affine, 0), visit);
  } else {
    static_assert(F::group % 32 == 0, "a run of lanes lies in one group; smaller groups need lanes with two affines");
    BlockPart in_group = part;
    for (int group = part.first / F::group; in_group.first < part.last; ++group) {
      in_group.last = (group + 1) * F::group < part.last ? (group + 1) * F::group : part.last;
      visit_group<F, L>(in_group, F::affine(part.block.affine, group), visit);
      in_group.at += static_cast<std::size_t>(in_group.last - in_group.first);
      in_group.first = in_group.last;
    }
  }
}

/// All of a block of fixed size: nothing to check in the loop.
template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_whole_block(const formats::BlockView& block, std::size_t at, Visit& visit) {
  for (int group = 0; group < F::block / F::group; ++group) {
    const Affine affine = F::affine(block.affine, group);
    for (int i = group * F::group; i < (group + 1) * F::group; i += L::width)
      visit.run(at + static_cast<std::size_t>(i),
                apply_affine<F, L>(L::to_floats(F::template levels<L>(block.codes, i)), affine));
  }
}

template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_floats(const RowRange& row, Visit& visit) {
  const std::byte* weights = row.bytes.row + row.begin * F::stored_bytes;
  std::size_t i = 0;
  for (; i + lanes_width<L> <= row.count; i += lanes_width<L>)
    visit.run(i, F::template load<L>(weights + i * F::stored_bytes));
  for (; i < row.count; ++i) visit.one(i, F::template load<formats::OneLane>(weights + i * F::stored_bytes));
}

template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_part(const BlockPart& part, Visit& visit) {
  if constexpr (!F::ragged) {
    if (part.last - part.first == F::block) return visit_whole_block<F, L>(part.block, part.at, visit);
  }
  visit_block<F, L>(part, visit);
}

/// All weights of the range, in order.
template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_row(const RowRange& row, Visit& visit) {
  if constexpr (F::floating_point) {
    visit_floats<F, L>(row, visit);
  } else {
    const formats::RowShape shape = F::shape(*row.format, row.cols);
    std::size_t index = row.begin / shape.block;
    for (std::size_t done = 0; done < row.count; ++index) {
      const formats::BlockView block = F::block_at(shape, row.bytes, index);
      const std::size_t first = row.begin + done - block.begin;
      const std::size_t rest = static_cast<std::size_t>(block.weights) - first;
      const std::size_t count = rest < row.count - done ? rest : row.count - done;
      visit_part<F, L>({block, static_cast<int>(first), static_cast<int>(first + count), done}, visit);
      done += count;
    }
  }
}

template <class L>
struct DecodeVisit {
  float* out;
  [[gnu::always_inline]] void run(std::size_t at, typename L::Floats floats) { store_floats<L>(out + at, floats); }
  [[gnu::always_inline]] void one(std::size_t at, float weight) { out[at] = weight; }
};

template <class F, class L>
void decode_range(const RowRange& row, float* out) {
  DecodeVisit<L> visit{out};
  visit_row<F, L>(row, visit);
}

/// Partial sums of `batch` dot products: `registers` vectors each for the runs, one chain for single weights. The batch
/// of one keeps as many as the batch of four, so that a result does not depend on the batch.
template <class L, std::size_t batch>
struct DotVisit {
  using V = typename L::Vector;
  DotVectors vectors;
  typename V::Register sums[batch][L::sums_per_row];
  float single[batch];

  [[gnu::always_inline]] void run(std::size_t at, typename L::Floats weights) {
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t p = 0; p < L::parts; ++p) {
        auto& sum = sums[b][p % L::sums_per_row];
        sum = V::fma(L::part(weights, p), V::load(vectors.values + b * vectors.stride + at + p * V::width), sum);
      }
  }
  [[gnu::always_inline]] void one(std::size_t at, float weight) {
    for (std::size_t b = 0; b < batch; ++b)
      single[b] = __builtin_fmaf(weight, vectors.values[b * vectors.stride + at], single[b]);
  }
  [[gnu::always_inline]] float total(std::size_t b) {
    float values[V::width];
    auto sum = sums[b][0];
    for (std::size_t s = 1; s < L::sums_per_row; ++s) sum = V::add(sum, sums[b][s]);
    V::store(values, sum);
    for (std::size_t half = V::width / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) values[i] += values[i + half];
    return values[0] + single[b];
  }
};

template <class F, class L, std::size_t batch>
void dot_range(const RowRange& row, const DotVectors& vectors, float* sums) {
  DotVisit<L, batch> visit{vectors, {}, {}};
  visit_row<F, L>(row, visit);
  for (std::size_t b = 0; b < batch; ++b) sums[b] = visit.total(b);
}

template <class L, class... F>
const FormatKernels* format_kernel_table(formats::List<F...>) {
  static constexpr FormatKernels table[] = {{decode_range<F, L>, dot_range<F, L, 1>, dot_range<F, L, 4>}...};
  return table;
}

}  // namespace
}  // namespace quantbench
