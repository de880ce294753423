// The kernels on packed weights, written once over a format description F and lanes L (quantizers/formats/lanes.h) that
// also have
//   L::Vector, L::parts            Floats are `parts` registers of Vector (core/vector_*.h)
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

/// What the levels of a run stand for.
template <class F, class L>
[[gnu::always_inline]] inline typename L::Floats floats_of(const std::byte* codes, int i) {
  const auto levels = F::template levels<L>(codes, i);
  if constexpr (requires { F::float_levels; })
    return F::template values<L>(levels);
  else
    return L::to_floats(levels);
}

/// The affines of the groups that a run of lanes lies in: one, or two for groups of 16 weights in 32 lanes.
template <class F, class L>
struct RunAffines {
  static constexpr int count = F::group != 0 && F::group < L::width ? L::width / F::group : 1;
  /// Weights with the same affines, from a multiple of it on; 0: all of a block.
  static constexpr int weights = F::group * count;
  static_assert(weights % L::width == 0 && (count == 1 || L::width / L::parts <= static_cast<std::size_t>(F::group)),
                "a register of floats lies in one group");
  Affine of_group[count];

  [[gnu::always_inline]] static RunAffines load(const formats::BlockView& block, int index) {
    RunAffines affines;
    for (int group = 0; group < count; ++group)
      affines.of_group[group] = formats::affine_of<F>(block, index * count + group);
    return affines;
  }
  [[gnu::always_inline]] const Affine& of_weight(int i) const {
    if constexpr (count == 1) return of_group[0];
    return of_group[i % weights / (weights / count)];
  }
};

/// scale * level, then + offset, rounded after each as the scalar decoder does.
template <class F, class L>
[[gnu::always_inline]] inline typename L::Floats apply_affine(typename L::Floats floats,
                                                              const RunAffines<F, L>& affines) {
  using V = typename L::Vector;
  for (std::size_t p = 0; p < L::parts; ++p) {
    const Affine& affine = affines.of_group[p * RunAffines<F, L>::count / L::parts];
    auto& part = L::part(floats, p);
    part = V::multiply(V::broadcast(affine.scale), part);
    if constexpr (F::has_offset) part = V::add(part, V::broadcast(affine.offset));
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
template <class F, class L>
[[gnu::noinline]] void decode_ones(const BlockPart& part, const RunAffines<F, L>& affines, float* out) {
  for (int i = part.first; i < part.last; ++i) *out++ = formats::decode_weight<F>(part.block, i, affines.of_weight(i));
}

template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_ones(const BlockPart& part, const RunAffines<F, L>& affines, Visit& visit) {
  float weights[32];
  decode_ones<F, L>(part, affines, weights);
  for (int i = 0; i < part.last - part.first; ++i) visit.one(part.at + static_cast<std::size_t>(i), weights[i]);
}

/// Calls visit.run(at, Floats) for whole runs of lanes and visit.one(at, float) for the other weights of a part with the
/// same affines.
template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_same_affines(const BlockPart& part, const RunAffines<F, L>& affines,
                                                      Visit& visit) {
  constexpr int width = L::width;
  const int whole = F::ragged ? part.block.weights / 32 * 32 : part.block.weights;
  const int aligned = (part.first + width - 1) / width * width;
  BlockPart ones = part;
  if (aligned != part.first) {
    ones.last = aligned < part.last ? aligned : part.last;
    visit_ones<F, L>(ones, affines, visit);
    ones.at += static_cast<std::size_t>(ones.last - ones.first);
    ones.first = ones.last;
  }
  const int end = part.last < whole ? part.last : whole;
  for (; ones.first + width <= end; ones.first += width, ones.at += static_cast<std::size_t>(width))
    visit.run(ones.at, apply_affine<F, L>(floats_of<F, L>(part.block.codes, ones.first), affines));
  ones.last = part.last;
  if (ones.first < ones.last) visit_ones<F, L>(ones, affines, visit);
}

template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_block(const BlockPart& part, Visit& visit) {
  using Affines = RunAffines<F, L>;
  if constexpr (F::group == 0) {
    visit_same_affines<F, L>(part, Affines::load(part.block, 0), visit);
  } else {
    BlockPart same = part;
    for (int index = part.first / Affines::weights; same.first < part.last; ++index) {
      const int end = (index + 1) * Affines::weights;
      same.last = end < part.last ? end : part.last;
      visit_same_affines<F, L>(same, Affines::load(part.block, index), visit);
      same.at += static_cast<std::size_t>(same.last - same.first);
      same.first = same.last;
    }
  }
}

/// All of a block of fixed size: nothing to check in the loop.
template <class F, class L, class Visit>
[[gnu::always_inline]] inline void visit_whole_block(const formats::BlockView& block, std::size_t at, Visit& visit) {
  using Affines = RunAffines<F, L>;
  for (int index = 0; index < F::block / Affines::weights; ++index) {
    const Affines affines = Affines::load(block, index);
    for (int i = index * Affines::weights; i < (index + 1) * Affines::weights; i += L::width)
      visit.run(at + static_cast<std::size_t>(i), apply_affine<F, L>(floats_of<F, L>(block.codes, i), affines));
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
    const auto shape = F::shape(*row.format, row.cols);
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
