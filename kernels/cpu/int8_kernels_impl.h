// The kernels of int8_kernels.h, written once over a format description F and lanes L, which also have
//   L::Sums                             partial sums of a dot product
//   L::Codes                            the codes of a run of 32 weights
//   L::codes_of<F, shift>(bytes, i)     those of weights i..i+31 of a block: levels + shift
//   L::load_codes(p)                    32 bytes
//   L::store_codes(codes, p)
//   L::dot_shift<F>                     the shift with which codes are multiplied
//   L::add_dot<F, per, k>(sums, codes, x, scales)   adds scale * (codes . x) of the run's only group, or (`per` = 2) of its two
//                                       halves; k counts runs, so that neighbours need not wait for each other
//   L::add_products<count>(sums, a, b)  adds a[i] * b[i]
//   L::multiply_floats<count>(a, b, out)  and multiply_pairs: two of a for each b
//   L::total(sums)
//   L::variant                          what reports call these kernels
// Work goes by units of up to eight runs, so that scales are found and multiplied in vectors. What can be done faster than so is
// specialised: UnitAffines for scales that need not be found one by one, UnitDot and GroupedDot for lanes with wider registers.
// Compiled once per instruction set; the rules of matmul_tile_impl.h about inline functions hold here too.
#pragma once

#include <utility>

#include "kernels/cpu/fetch_ahead.h"
#include "kernels/cpu/int8_kernels.h"
#include "quantizers/formats/all.h"

namespace quantbench {
namespace {

constexpr int runs_of_unit = 8;

/// Formats with integer levels; groups of 16 have two scales in a run.
template <class F>
constexpr bool has_codes = [] {
  if constexpr (F::floating_point)
    return false;
  else
    return !requires { F::float_levels; };
}();
template <class F>
constexpr int groups_of_run = F::group == 16 ? 2 : 1;
template <class F>
constexpr int unpacked_shift = -F::level_min;

/// Scales and offsets, with codes = levels + shift, of the groups of `runs` runs that begin with a block: formats with blocks of
/// fixed size.
template <class F, class L, int runs, int shift>
struct UnitAffines {
  [[gnu::always_inline]] static void load(const std::byte* first_block, float* scales, float* offsets) {
    constexpr int same = F::group > 32 ? F::group / 32 : 1;  // runs that share an affine
    for (int k = 0; k < runs * groups_of_run<F>; k += same) {
      const int column = k * (32 / groups_of_run<F>);
      const std::byte* block = first_block + column / F::block * F::block_bytes;
      const Affine affine = F::affine(block, column % F::block / F::group);
      const float offset = affine.offset - affine.scale * static_cast<float>(shift);
      for (int i = k; i < k + same; ++i) {
        scales[i] = affine.scale;
        offsets[i] = offset;
      }
    }
  }
};

template <class F, class L>
constexpr bool has_offsets = F::has_offset || L::template dot_shift<F> != 0;

/// Where a vector's runs of the unit begin.
[[gnu::always_inline]] inline const std::int8_t* values_of(const Int8Vectors& x, std::size_t b, std::size_t run) {
  return x.values + (b * x.runs + run) * Int8Activations::run;
}

/// scales of weights times those of the activations.
template <class F, class L, int runs>
[[gnu::always_inline]] inline void multiply_scales(const float* scales, const float* of_x, float* out) {
  if constexpr (groups_of_run<F> == 1) {
    L::template multiply_floats<runs>(scales, of_x, out);
  } else {
    L::template multiply_pairs<runs>(scales, of_x, out);
  }
}

/// Adds the products of the `runs` runs that begin with a block to `batch` sums.
template <class F, class L, std::size_t batch, int runs>
struct UnitDot {
  static constexpr int per = groups_of_run<F>, shift = L::template dot_shift<F>;

  [[gnu::always_inline]] static void add(const std::byte* first_block, const Int8Vectors& x, std::size_t run,
                                         typename L::Sums* sums) {
    float scales[runs * per], offsets[runs * per], combined[batch][runs * per];
    UnitAffines<F, L, runs, shift>::load(first_block, scales, offsets);
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t at = b * x.runs + run;
      multiply_scales<F, L, runs>(scales, x.scales + at, combined[b]);
      if constexpr (has_offsets<F, L>)
        L::template add_products<runs * per>(sums[b], offsets, per == 1 ? x.sums + at : x.half_sums + 2 * at);
    }
    const auto add_run = [&]<int k>(std::integral_constant<int, k>) __attribute__((always_inline)) {
      const auto codes =
          L::template codes_of<F, shift>(first_block + k * 32 / F::block * F::block_bytes, k * 32 % F::block);
      for (std::size_t b = 0; b < batch; ++b)
        L::template add_dot<F, per, k>(sums[b], codes, values_of(x, b, run + k), combined[b] + k * per);
    };
    [&]<int... k>(std::integer_sequence<int, k...>) __attribute__((always_inline)) {
      (add_run(std::integral_constant<int, k>{}), ...);
    }
    (std::make_integer_sequence<int, runs>{});
  }
};

template <class F, class L, std::size_t batch>
[[gnu::always_inline]] inline void dot_fixed(const RowRange& row, const Int8Vectors& x, typename L::Sums* sums) {
  constexpr int runs_of_block = F::block / 32;
  constexpr int runs = runs_of_block > runs_of_unit ? runs_of_block : runs_of_unit;
  const std::byte* block = row.bytes.row;
  std::size_t run = 0;
  for (; run + runs <= x.runs; run += runs, block += runs / runs_of_block * F::block_bytes) {
    fetch_ahead<runs / runs_of_block * F::block_bytes>(block);
    UnitDot<F, L, batch, runs>::add(block, x, run, sums);
  }
  if constexpr (runs_of_block < runs)
    for (; run < x.runs; run += runs_of_block, block += F::block_bytes)
      UnitDot<F, L, batch, runs_of_block>::add(block, x, run, sums);
}

/// The codes of the last weights of a row, fewer than 32.
template <class F, int shift>
[[gnu::noinline]] void tail_codes(const formats::BlockView& block, int i, std::uint8_t* out) {
  for (int k = 0; k < 32; ++k)
    out[k] = i + k < block.weights ? static_cast<std::uint8_t>(F::tail_level(block.codes, i + k, block.weights) + shift)
                                   : std::uint8_t{0};
}

template <class F, class L, int shift>
[[gnu::always_inline]] inline typename L::Codes grouped_codes(const formats::BlockView& block, int i) {
  if (i + 32 <= block.weights) return L::template codes_of<F, shift>(block.codes, i);
  std::uint8_t tail[32];
  tail_codes<F, shift>(block, i, tail);
  return L::load_codes(tail);
}

/// Groups of any number of runs: visit(run, block, index in it, affine) for each run.
template <class F, int shift, class Visit>
[[gnu::always_inline]] inline void visit_grouped(const RowRange& row, const Visit& visit) {
  const auto shape = F::shape(*row.format, row.cols);
  std::size_t run = 0;
  for (std::size_t column = row.begin; column < row.begin + row.count;) {
    const formats::BlockView block = F::block_at(shape, row.bytes, column / shape.block);
    const Affine affine = F::affine(block.affine, 0);
    const float offset = affine.offset - affine.scale * static_cast<float>(shift);
    for (int i = static_cast<int>(column - block.begin); i < block.weights && column < row.begin + row.count;
         i += 32, column += 32, ++run)
      visit(run, block, i, Affine{affine.scale, offset});
  }
}

template <class F, class L, std::size_t batch>
[[gnu::always_inline]] inline void add_run(const typename L::Codes& codes, const Affine& affine, const Int8Vectors& x,
                                           std::size_t run, typename L::Sums* sums) {
  for (std::size_t b = 0; b < batch; ++b) {
    const std::size_t at = b * x.runs + run;
    const float scale = affine.scale * x.scales[at];
    L::template add_dot<F, 1, 0>(sums[b], codes, values_of(x, b, run), &scale);
    if constexpr (has_offsets<F, L>) L::template add_products<1>(sums[b], &affine.offset, x.sums + at);
  }
}

/// Adds the products of a row of groups of any number of runs.
template <class F, class L, std::size_t batch>
struct GroupedDot {
  [[gnu::always_inline]] static void add(const RowRange& row, const Int8Vectors& x, typename L::Sums* sums) {
    constexpr int shift = L::template dot_shift<F>;
    visit_grouped<F, shift>(
        row, [&](std::size_t run, const formats::BlockView& block, int i, const Affine& affine) __attribute__((
                 always_inline)) { add_run<F, L, batch>(grouped_codes<F, L, shift>(block, i), affine, x, run, sums); });
  }
};

template <class F, class L, std::size_t batch>
void dot_row(const RowRange& row, const Int8Vectors& x, float* out) {
  typename L::Sums sums[batch];
  for (auto& sum : sums) sum = L::no_sums();
  if constexpr (F::ragged)
    GroupedDot<F, L, batch>::add(row, x, sums);
  else
    dot_fixed<F, L, batch>(row, x, sums);
  for (std::size_t b = 0; b < batch; ++b) out[b] = L::total(sums[b]);
}

/// Codes and affines of `runs` runs that begin with a block.
template <class F, class L, int runs>
[[gnu::always_inline]] inline void unpack_unit(const std::byte* first_block, const UnpackedCodes& out) {
  UnitAffines<F, L, runs, unpacked_shift<F>>::load(first_block, out.scales, out.offsets);
#pragma GCC unroll 8
  for (int k = 0; k < runs; ++k)
    L::store_codes(
        L::template codes_of<F, unpacked_shift<F>>(first_block + k * 32 / F::block * F::block_bytes, k * 32 % F::block),
        out.codes + k * 32);
}

template <class F, class L, int runs>
[[gnu::always_inline]] inline void unpack_next(const std::byte*& block, UnpackedCodes& out) {
  unpack_unit<F, L, runs>(block, out);
  block += runs * 32 / F::block * F::block_bytes;
  out.codes += runs * 32;
  out.scales += runs * groups_of_run<F>;
  out.offsets += runs * groups_of_run<F>;
}

template <class F, class L>
void unpack_part(const RowRange& part, const UnpackedCodes& out) {
  if constexpr (F::ragged) {
    visit_grouped<F, unpacked_shift<F>>(
        part, [&](std::size_t run, const formats::BlockView& block, int i, const Affine& affine) {
          L::store_codes(grouped_codes<F, L, unpacked_shift<F>>(block, i), out.codes + run * 32);
          out.scales[run] = affine.scale;
          out.offsets[run] = affine.offset;
        });
  } else {
    constexpr int runs_of_block = F::block / 32;
    const std::byte* block = part.bytes.row + part.begin / F::block * F::block_bytes;
    UnpackedCodes at = out;
    std::size_t runs = part.count / 32;
    for (; runs >= runs_of_unit; runs -= runs_of_unit) unpack_next<F, L, runs_of_unit>(block, at);
    for (; runs > 0; runs -= runs_of_block) unpack_next<F, L, runs_of_block>(block, at);
  }
}

template <class F, class L>
constexpr Int8Kernels int8_kernels_of() {
  if constexpr (has_codes<F>)
    return {32 / groups_of_run<F>, L::variant, dot_row<F, L, 1>, dot_row<F, L, 4>, unpack_part<F, L>};
  else
    return {};
}

template <class L, class... F>
const Int8Kernels* int8_kernel_table(formats::List<F...>) {
  static constexpr Int8Kernels table[] = {int8_kernels_of<F, L>()...};
  return table;
}

}  // namespace
}  // namespace quantbench
