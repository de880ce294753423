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
/// Which of a unit's combined scales each sum of four products belongs to, in pair k.
template <int per, int k>
constexpr Lanes16 scale_of_lane = [] {
  Lanes16 lanes{};
  for (int i = 0; i < 16; ++i) lanes.at[i] = 2 * per * k + i / (8 / per);
  return lanes;
}();

[[gnu::always_inline]] inline __m512 dots_of_pair(__m512i codes, __m512i x) {
  return _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, x));
}

/// Scales of weights times those of the activations: 8, or 16 with groups of 16.
template <int per>
[[gnu::always_inline]] inline __m512 combined_scales(const float* scales, const float* of_x) {
  const __m512 eight = _mm512_castps256_ps512(_mm256_loadu_ps(of_x));
  if constexpr (per == 1)
    return _mm512_castps256_ps512(_mm256_mul_ps(_mm256_loadu_ps(scales), _mm512_castps512_ps256(eight)));
  const __m512i doubled = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_mul_ps(_mm512_loadu_ps(scales), _mm512_permutexvar_ps(doubled, eight));
}

template <class F, std::size_t batch>
struct UnitDot<F, Int8LanesAvx512, batch, 8> {
  using L = Int8LanesAvx512;
  static constexpr int per = groups_of_run<F>;

  [[gnu::always_inline]] static void add(const std::byte* first_block, const Int8Vectors& x, std::size_t run,
                                         L::Sums* sums) {
    alignas(64) float scales[8 * per], offsets[8 * per];
    UnitAffines<F, L, 8, L::dot_shift<F>>::load(first_block, scales, offsets);
    const UnitCodes<F> codes{first_block};
    __m512 combined[batch];
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t at = b * x.runs + run;
      combined[b] = combined_scales<per>(scales, x.scales + at);
      if constexpr (has_offsets<F, L>)
        L::add_products<8 * per>(sums[b], offsets, per == 1 ? x.sums + at : x.half_sums + 2 * at);
    }
    add_pair<0>(codes, combined, x, run, sums);
    add_pair<1>(codes, combined, x, run, sums);
    add_pair<2>(codes, combined, x, run, sums);
    add_pair<3>(codes, combined, x, run, sums);
  }

 private:
  template <int k>
  [[gnu::always_inline]] static void add_pair(const UnitCodes<F>& unit, const __m512* combined, const Int8Vectors& x,
                                              std::size_t run, L::Sums* sums) {
    const __m512i codes = unit.template pair<k>();
    for (std::size_t b = 0; b < batch; ++b) {
      __m512i values = _mm512_loadu_si512(values_of(x, b, run + 2 * k));
      if constexpr (has_sign_bits<F>)
        values = _mm512_mask_sub_epi8(values, unit.template negative<k>(), _mm512_setzero_si512(), values);
      const __m512 scale = _mm512_permutexvar_ps(scale_of_lane<per, k>, combined[b]);
      sums[b].pairs[k % 2] = _mm512_fmadd_ps(dots_of_pair(codes, values), scale, sums[b].pairs[k % 2]);
    }
  }
};

/// Adds offset times the sums of `runs` runs.
[[gnu::always_inline]] inline void add_offset(__m256& total, float offset, const float* sums, int runs) {
  for (; runs > 0; runs -= 8, sums += 8) {
    const auto mask = static_cast<__mmask8>(runs >= 8 ? 255 : (1 << runs) - 1);
    total = _mm256_fmadd_ps(_mm256_maskz_loadu_ps(mask, sums), _mm256_set1_ps(offset), total);
  }
}

/// Within a group only the activations have scales; the group's own comes last.
template <class F, std::size_t batch>
struct GroupedDot<F, Int8LanesAvx512, batch> {
  using L = Int8LanesAvx512;
  static constexpr int shift = L::dot_shift<F>;

  [[gnu::always_inline]] static void add(const RowRange& row, const Int8Vectors& x, L::Sums* sums) {
    const auto shape = F::shape(*row.format, row.cols);
    std::size_t run = 0;
    for (std::size_t index = 0, column = 0; column < row.cols; ++index) {
      const formats::BlockView block = F::block_at(shape, row.bytes, index);
      add_group(block, x, run, sums);
      run += static_cast<std::size_t>(block.weights + 31) / 32;
      column += static_cast<std::size_t>(block.weights);
    }
  }

 private:
  [[gnu::always_inline]] static void add_group(const formats::BlockView& block, const Int8Vectors& x, std::size_t run,
                                               L::Sums* sums) {
    const Affine affine = F::affine(block.affine, 0);
    const float offset = affine.offset - affine.scale * static_cast<float>(shift);
    const int pairs = block.weights / 64, runs = (block.weights + 31) / 32;
    __m512 of_group[batch][2];
    for (std::size_t b = 0; b < batch; ++b) of_group[b][0] = of_group[b][1] = _mm512_setzero_ps();
    for (int k = 0; k + 2 <= pairs; k += 2) {
      add_pair(block, k, x, run, of_group, 0);
      add_pair(block, k + 1, x, run, of_group, 1);
    }
    if (pairs % 2 == 1) add_pair(block, pairs - 1, x, run, of_group, 0);
    for (std::size_t b = 0; b < batch; ++b) {
      const __m512 dots = _mm512_add_ps(of_group[b][0], of_group[b][1]);
      sums[b].pairs[0] = _mm512_fmadd_ps(dots, _mm512_set1_ps(affine.scale), sums[b].pairs[0]);
      add_offset(sums[b].runs, offset, x.sums + b * x.runs + run, 2 * pairs);
    }
    for (int k = 2 * pairs; k < runs; ++k)
      add_run<F, L, batch>(grouped_codes<F, L, shift>(block, 32 * k), {affine.scale, offset}, x,
                           run + static_cast<std::size_t>(k), sums);
  }

  [[gnu::always_inline]] static void add_pair(const formats::BlockView& block, int k, const Int8Vectors& x,
                                              std::size_t run, __m512 (*of_group)[2], int chain) {
    const __m512i codes = grouped_pair<F>(block.codes + k * (8 * F::bits));
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t first = run + 2 * static_cast<std::size_t>(k);
      const __m512i values = _mm512_loadu_si512(values_of(x, b, first));
      const __m128 two =
          _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x.scales + b * x.runs + first)));
      const __m512 scale = _mm512_permutexvar_ps(scale_of_lane<1, 0>, _mm512_castps128_ps512(two));
      of_group[b][chain] = _mm512_fmadd_ps(dots_of_pair(codes, values), scale, of_group[b][chain]);
    }
  }
};

}  // namespace
}  // namespace quantbench
