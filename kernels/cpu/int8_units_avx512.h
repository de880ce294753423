// Dot products by pairs of runs in registers of 512 bits: UnitDot and GroupedDot of int8_kernels_impl.h for AVX-512.
#pragma once

#include "kernels/cpu/int8_codebook_avx512.h"
#include "kernels/cpu/int8_codes_avx512.h"

namespace quantbench {
namespace {

struct alignas(64) Lanes16 {
  std::int32_t at[16];
  operator __m512i() const { return _mm512_load_si512(at); }
};
/// Which of a unit's combined scales each sum of four products belongs to, in pair k; sixteenths come eight later.
template <int per, int k, HighHalves halves = HighHalves::shifted>
constexpr Lanes16 scale_of_lane = [] {
  Lanes16 lanes{};
  for (int i = 0; i < 16; ++i) lanes.at[i] = 2 * per * k + i / (8 / per) + (is_sixteenfold(halves, i) ? 8 : 0);
  return lanes;
}();

[[gnu::always_inline]] inline __m512 dots_of_pair(__m512i codes, __m512i x) {
  return _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, x));
}

/// Scales of weights times those of the activations: 8, or 16 with groups of 16. With `sixteenths`, those of the 8 follow.
template <int per, bool sixteenths>
[[gnu::always_inline]] inline __m512 combined_scales(const float* scales, const float* of_x) {
  if constexpr (sixteenths) {
    static_assert(per == 1);
    const __m512 both = _mm512_broadcast_f32x8(_mm256_mul_ps(_mm256_loadu_ps(scales), _mm256_loadu_ps(of_x)));
    return _mm512_mask_mul_ps(both, 0xFF00, both, _mm512_set1_ps(0x1p-4f));
  }
  const __m512 eight = _mm512_castps256_ps512(_mm256_loadu_ps(of_x));
  if constexpr (per == 1)
    return _mm512_castps256_ps512(_mm256_mul_ps(_mm256_loadu_ps(scales), _mm512_castps512_ps256(eight)));
  const __m512i doubled = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_mul_ps(_mm512_loadu_ps(scales), _mm512_permutexvar_ps(doubled, eight));
}

/// What a unit of eight runs adds, once its codes and scales are found. `Unit` is UnitCodes or like it.
template <int per, bool signs_apart, std::size_t batch>
struct UnitProducts {
  using Sums = Int8LanesAvx512::Sums;
  const Int8Vectors& x;
  std::size_t run;
  Sums* sums;

  [[gnu::always_inline]] void add_offsets(const float* offsets) const {
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t at = b * x.runs + run;
      Int8LanesAvx512::add_products<8 * per>(sums[b], offsets, per == 1 ? x.sums + at : x.half_sums + 2 * at);
    }
  }

  template <class Unit>
  [[gnu::always_inline]] void add(const Unit& unit, const float* scales) const {
    __m512 combined[batch];
    for (std::size_t b = 0; b < batch; ++b)
      combined[b] = combined_scales<per, high_halves<Unit> != HighHalves::shifted>(scales, x.scales + b * x.runs + run);
    add_pair<0>(unit, combined);
    add_pair<1>(unit, combined);
    add_pair<2>(unit, combined);
    add_pair<3>(unit, combined);
  }

 private:
  template <int k, class Unit>
  [[gnu::always_inline]] void add_pair(const Unit& unit, const __m512* combined) const {
    const __m512i codes = unit.template pair<k>();
    for (std::size_t b = 0; b < batch; ++b) {
      __m512i values = _mm512_loadu_si512(values_of(x, b, run + 2 * k));
      if constexpr (signs_apart)
        values = _mm512_mask_sub_epi8(values, unit.template negative<k>(), _mm512_setzero_si512(), values);
      const __m512 scale = _mm512_permutexvar_ps(scale_of_lane<per, k, high_halves<Unit>>, combined[b]);
      sums[b].pairs[k % 2] = _mm512_fmadd_ps(dots_of_pair(codes, values), scale, sums[b].pairs[k % 2]);
    }
  }
};

template <class F, std::size_t batch>
struct UnitDot<F, Int8LanesAvx512, batch, 8> {
  using L = Int8LanesAvx512;

  [[gnu::always_inline]] static void add(const std::byte* first_block, const Int8Vectors& x, std::size_t run,
                                         L::Sums* sums) {
    constexpr int per = groups_of_run<F>;
    alignas(64) float scales[8 * per], offsets[8 * per];
    UnitAffines<F, L, 8, L::dot_shift<F>>::load(first_block, scales, offsets);
    const UnitProducts<per, has_sign_bits<F>, batch> products{x, run, sums};
    if constexpr (has_offsets<F, L>) products.add_offsets(offsets);
    products.add(UnitCodes<F>{first_block}, scales);
  }
};

/// Adds offset times the sums of `runs` runs.
[[gnu::always_inline]] inline void add_offset(__m256& total, float offset, const float* sums, int runs) {
  for (; runs > 0; runs -= 8, sums += 8) {
    const auto mask = static_cast<__mmask8>(runs >= 8 ? 255 : (1 << runs) - 1);
    total = _mm256_fmadd_ps(_mm256_maskz_loadu_ps(mask, sums), _mm256_set1_ps(offset), total);
  }
}

/// A unit of groups of 1, 2, 4 or 8 runs; `first` is the first run's codes, `stride` the bytes from group to group.
template <class F, int runs_of_group>
struct GroupedUnit {
  static constexpr HighHalves high_halves = F::bits == 4 ? HighHalves::ends_of_runs : HighHalves::shifted;
  const std::byte* first;
  std::size_t stride;

  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    if constexpr (F::bits == 4) return own_halves<high_halves>(doubled_runs(codes_of(2 * k), codes_of(2 * k + 1)));
    return codes_of_runs<F>(codes_of(2 * k), codes_of(2 * k + 1));
  }

 private:
  [[gnu::always_inline]] const std::byte* codes_of(int k) const {
    return first + static_cast<std::size_t>(k / runs_of_group) * stride + k % runs_of_group * (4 * F::bits);
  }
};

/// The affines of a unit's runs, the offsets for codes = levels + shift: products and sums as in F::affine.
template <class F, int runs_of_group, int shift>
struct GroupAffines {
  [[gnu::always_inline]] static void load(const std::byte* group, std::size_t stride, float* scales, float* offsets) {
    const __m256 scale = scales_of(group, stride);
    _mm256_store_ps(scales, scale);
    const __m256 shifted = _mm256_mul_ps(scale, _mm256_set1_ps(static_cast<float>(-shift)));
    if constexpr (!F::has_offset) {
      _mm256_store_ps(offsets, shifted);
    } else {
      const __m256 zero = _mm256_cvtepi32_ps(zero_points(group + F::Scale::bytes, stride));
      _mm256_store_ps(offsets, _mm256_sub_ps(shifted, _mm256_mul_ps(scale, zero)));
    }
  }

 private:
  static constexpr int groups = 8 / runs_of_group;
  static constexpr __mmask8 runs_of(int index) {
    return static_cast<__mmask8>(((1 << runs_of_group) - 1) << (index * runs_of_group));
  }

  [[gnu::always_inline]] static __m256 scales_of(const std::byte* group, std::size_t stride) {
    if constexpr (F::Scale::bytes == 2) {
      __m128i halves = _mm_set1_epi16(static_cast<short>(formats::load_u16(group)));
      for (int i = 1; i < groups; ++i)
        halves = _mm_mask_set1_epi16(halves, runs_of(i), static_cast<short>(formats::load_u16(group += stride)));
      return _mm256_cvtph_ps(halves);
    } else {
      __m256 scale = _mm256_set1_ps(F::Scale::load(group));
      for (int i = 1; i < groups; ++i)
        scale = _mm256_mask_mov_ps(scale, runs_of(i), _mm256_set1_ps(F::Scale::load(group += stride)));
      return scale;
    }
  }
  [[gnu::always_inline]] static __m256i zero_points(const std::byte* zero, std::size_t stride) {
    __m256i zeros = _mm256_set1_epi32(static_cast<std::int8_t>(*zero));
    for (int i = 1; i < groups; ++i)
      zeros = _mm256_mask_set1_epi32(zeros, runs_of(i), static_cast<std::int8_t>(*(zero += stride)));
    return zeros;
  }
};

/// Groups that fill units of eight runs, or of which units fill one, are like fixed blocks. The others go group by group; there only
/// the activations have scales, and the group's own comes last.
template <class F, std::size_t batch>
struct GroupedDot<F, Int8LanesAvx512, batch> {
  using L = Int8LanesAvx512;
  static constexpr int shift = L::dot_shift<F>;

  [[gnu::always_inline]] static void add(const RowRange& row, const Int8Vectors& x, L::Sums* sums) {
    const auto shape = F::shape(*row.format, row.cols);
    std::size_t done = 0;
    if (shape.block == 32)
      done = add_units<1>(row, x, sums);
    else if (shape.block == 64)
      done = add_units<2>(row, x, sums);
    else if (shape.block == 128)
      done = add_units<4>(row, x, sums);
    else if (shape.block % 256 == 0)
      done = add_large_groups(row, shape, x, sums);
    for (std::size_t index = done / shape.block; done < row.cols; ++index) {
      const formats::BlockView block = F::block_at(shape, row.bytes, index);
      add_group(block, x, done / 32, sums);
      done += static_cast<std::size_t>(block.weights);
    }
  }

 private:
  [[gnu::always_inline]] static Affine shifted_affine(const std::byte* p) {
    const Affine affine = F::affine(p, 0);
    return {affine.scale, affine.offset - affine.scale * static_cast<float>(shift)};
  }

  template <int runs_of_group>
  [[gnu::always_inline]] static std::size_t add_units(const RowRange& row, const Int8Vectors& x, L::Sums* sums) {
    constexpr int groups = 8 / runs_of_group;
    constexpr std::size_t stride = F::affine_bytes + 4 * F::bits * runs_of_group;
    const std::byte* next = row.bytes.row;
    std::size_t done = 0;
    for (; done + 256 <= row.cols; done += 256, next += groups * stride) {
      alignas(32) float scales[8], offsets[8];
      GroupAffines<F, runs_of_group, shift>::load(next, stride, scales, offsets);
      fetch_ahead<groups * stride>(next);
      const UnitProducts<1, false, batch> products{x, done / 32, sums};
      products.add_offsets(offsets);
      products.add(GroupedUnit<F, runs_of_group>{next + F::affine_bytes, stride}, scales);
    }
    return done;
  }

  template <class Shape>
  [[gnu::always_inline]] static std::size_t add_large_groups(const RowRange& row, const Shape& shape,
                                                             const Int8Vectors& x, L::Sums* sums) {
    std::size_t done = 0;
    for (; done + shape.block <= row.cols; done += shape.block) {
      const formats::BlockView block = F::block_at(shape, row.bytes, done / shape.block);
      const Affine affine = shifted_affine(block.affine);
      alignas(32) float scales[8], offsets[8];
      for (int i = 0; i < 8; ++i) {
        scales[i] = affine.scale;
        offsets[i] = affine.offset;
      }
      for (std::size_t unit = 0; unit < shape.block / 256; ++unit) {
        const UnitProducts<1, false, batch> products{x, done / 32 + 8 * unit, sums};
        products.add_offsets(offsets);
        const std::byte* codes = block.codes + unit * (8 * 4 * F::bits);
        fetch_ahead<8 * 4 * F::bits>(codes);
        products.add(GroupedUnit<F, 8>{codes, 0}, scales);
      }
    }
    return done;
  }

  [[gnu::always_inline]] static void add_group(const formats::BlockView& block, const Int8Vectors& x, std::size_t run,
                                               L::Sums* sums) {
    const Affine affine = shifted_affine(block.affine);
    const int pairs = block.weights / 64, runs = (block.weights + 31) / 32;
    __m512 of_group[batch];
    for (std::size_t b = 0; b < batch; ++b) of_group[b] = _mm512_setzero_ps();
    for (int k = 0; k < pairs; ++k) add_pair(block, k, x, run, of_group);
    for (std::size_t b = 0; b < batch; ++b) {
      sums[b].pairs[0] = _mm512_fmadd_ps(of_group[b], _mm512_set1_ps(affine.scale), sums[b].pairs[0]);
      add_offset(sums[b].runs, affine.offset, x.sums + b * x.runs + run, 2 * pairs);
    }
    for (int k = 2 * pairs; k < runs; ++k)
      add_run<F, L, batch>(grouped_codes<F, L, shift>(block, 32 * k), affine, x, run + static_cast<std::size_t>(k),
                           sums);
  }

  [[gnu::always_inline]] static void add_pair(const formats::BlockView& block, int k, const Int8Vectors& x,
                                              std::size_t run, __m512* of_group) {
    const std::byte* codes_of_first = block.codes + k * (8 * F::bits);
    const __m512i codes = codes_of_runs<F>(codes_of_first, codes_of_first + 4 * F::bits);
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t first = run + 2 * static_cast<std::size_t>(k);
      const __m512i values = _mm512_loadu_si512(values_of(x, b, first));
      const __m128 two =
          _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x.scales + b * x.runs + first)));
      const __m512 scale = _mm512_permutexvar_ps(scale_of_lane<1, 0>, _mm512_castps128_ps512(two));
      of_group[b] = _mm512_fmadd_ps(dots_of_pair(codes, values), scale, of_group[b]);
    }
  }
};

}  // namespace
}  // namespace quantbench
