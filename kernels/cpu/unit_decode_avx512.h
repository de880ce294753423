// Decoding by units of 256 weights, for formats with integer levels: the readers of products in integers (int8_codes_avx512.h,
// int8_affines_avx2.h) find the codes of 64 weights and the affines of a unit at once. Bit-equal with decode.h of the formats.
//
// An `Output` is what becomes of the weights of a unit:
//   Output::Number                          what is stored for a weight
//   Output{p}.run(k, low, high)             the two halves of run k of 32 weights, as floats
//   Output::decode_part<F>(row range, p)    any weights, for those before the first and behind the last unit
#pragma once

#include "kernels/cpu/int8_codebook_avx512.h"
#include "kernels/cpu/int8_units_avx512.h"

namespace quantbench {
namespace {

constexpr std::size_t weights_of_unit = 32 * runs_of_unit;

/// Whether scale * level has no more bits than a float, so that adding the offset may be fused with it (block.h).
template <class F>
constexpr bool has_exact_products = [] {
  if constexpr (F::ragged)
    return F::Scale::bytes == formats::HalfScale::bytes;
  else
    return F::has_offset;  // these have scales of f16
}();

/// Levels as bytes from `zero_byte` on.
template <class F>
constexpr int zero_byte = has_sign_bits<F> ? 128 : -F::level_min;

template <class F, int k, class Unit>
[[gnu::always_inline]] inline __m512i level_bytes(const Unit& unit) {
  const __m512i codes = unit.template pair<k>();
  if constexpr (has_sign_bits<F>) {
    const __m512i zero = every_byte(zero_byte<F>);
    return _mm512_mask_sub_epi8(_mm512_add_epi8(zero, codes), unit.template negative<k>(), zero, codes);
  } else if constexpr (high_halves<Unit> != HighHalves::shifted) {
    static constexpr Bytes64 shifts =
        bytes64([](int i) { return i % 2 == 0 && is_sixteenfold(high_halves<Unit>, i / 4) ? 4 : 0; });
    return _mm512_srlv_epi16(codes, shifts);
  } else {
    return codes;
  }
}

/// Of bytes 16 * part and on, less `zero`. A byte put in the place of the last one of 2^23 makes the float 2^23 + byte: one permute and
/// one subtraction. Whole units took up to twice the time with bytes widened to integers and those converted.
template <int part>
[[gnu::always_inline]] inline __m512 floats_of_bytes(__m512i bytes, int zero) {
  static constexpr Bytes64 positions = bytes64([](int i) { return 16 * part + i / 4; });
  constexpr float base = 0x1p23f;
  const __m512i sums =
      _mm512_mask_permutexvar_epi8(_mm512_castps_si512(_mm512_set1_ps(base)), 0x1111111111111111ull, positions, bytes);
  return _mm512_sub_ps(_mm512_castsi512_ps(sums), _mm512_set1_ps(base + static_cast<float>(zero)));
}

/// Of a unit's groups.
template <int per>
struct UnitScales {
  alignas(64) float scales[runs_of_unit * per];
  alignas(64) float offsets[runs_of_unit * per];
};

template <class F, int per>
[[gnu::always_inline]] inline __m512 apply_affine(__m512 levels, const UnitScales<per>& affines, int group) {
  const __m512 scale = _mm512_set1_ps(affines.scales[group]);
  if constexpr (!F::has_offset) return _mm512_mul_ps(scale, levels);
  const __m512 offset = _mm512_set1_ps(affines.offsets[group]);
  if constexpr (has_exact_products<F>) return _mm512_fmadd_ps(scale, levels, offset);
  return _mm512_add_ps(_mm512_mul_ps(scale, levels), offset);
}

template <class F, int k, class Unit, int per, class Output>
[[gnu::always_inline]] inline void decode_pair(const Unit& unit, const UnitScales<per>& affines, const Output& out) {
  const __m512i bytes = level_bytes<F, k>(unit);
  constexpr int first = 2 * k * per, zero = zero_byte<F>;
  out.run(2 * k, apply_affine<F>(floats_of_bytes<0>(bytes, zero), affines, first),
          apply_affine<F>(floats_of_bytes<1>(bytes, zero), affines, first + per - 1));
  out.run(2 * k + 1, apply_affine<F>(floats_of_bytes<2>(bytes, zero), affines, first + per),
          apply_affine<F>(floats_of_bytes<3>(bytes, zero), affines, first + 2 * per - 1));
}

template <class F, class Unit, int per, class Output>
[[gnu::always_inline]] inline void decode_unit(const Unit& unit, const UnitScales<per>& affines, const Output& out) {
  decode_pair<F, 0>(unit, affines, out);
  decode_pair<F, 1>(unit, affines, out);
  decode_pair<F, 2>(unit, affines, out);
  decode_pair<F, 3>(unit, affines, out);
}

/// Blocks of fixed size: a unit begins with any of them.
template <class F>
struct RowOfUnits {
  const RowRange& row;

  std::size_t alignment() const { return F::block; }

  template <class Output>
  [[gnu::always_inline]] void decode(std::size_t column, const Output& out) const {
    const std::byte* block = row.bytes.row + column / F::block * F::block_bytes;
    UnitScales<groups_of_run<F>> affines;
    UnitAffines<F, Int8LanesAvx512, runs_of_unit, 0>::load(block, affines.scales, affines.offsets);
    decode_unit<F>(UnitCodes<F>{block}, affines, out);
  }
};

/// Groups that fill units, or of which units fill one.
template <class F>
requires(F::ragged) struct RowOfUnits<F> {
  const RowRange& row;
  decltype(F::shape(*row.format, 0)) shape = F::shape(*row.format, row.cols);

  /// 0: there are no units.
  std::size_t alignment() const {
    if (shape.block % weights_of_unit == 0) return weights_of_unit;
    return shape.block == 32 || shape.block == 64 || shape.block == 128 ? shape.block : 0;
  }

  template <class Output>
  [[gnu::always_inline]] void decode(std::size_t column, const Output& out) const {
    if (shape.block == 32) return decode_groups<1>(column, out);
    if (shape.block == 64) return decode_groups<2>(column, out);
    if (shape.block == 128) return decode_groups<4>(column, out);
    decode_groups<8>(column, out);
  }

 private:
  template <int runs_of_group, class Output>
  [[gnu::always_inline]] void decode_groups(std::size_t column, const Output& out) const {
    constexpr std::size_t bytes_of_run = 4 * F::bits, stride = F::affine_bytes + runs_of_group * bytes_of_run;
    const formats::BlockView group = F::block_at(shape, row.bytes, column / shape.block);
    UnitScales<1> affines;
    for (int k = 0; k < runs_of_unit; k += runs_of_group) {
      const Affine affine = F::affine(group.affine + static_cast<std::size_t>(k / runs_of_group) * stride, 0);
      for (int run = k; run < k + runs_of_group; ++run) {
        affines.scales[run] = affine.scale;
        affines.offsets[run] = affine.offset;
      }
    }
    const std::byte* codes = group.codes + (column - group.begin) / 32 * bytes_of_run;
    decode_unit<F>(GroupedUnit<F, runs_of_group>{codes, stride}, affines, out);
  }
};

template <class F, class Output>
void decode_by_units(const RowRange& row, typename Output::Number* out) {
  const RowOfUnits<F> units{row};
  const auto decode_part = [&](std::size_t first, std::size_t count) {
    if (count > 0)
      Output::template decode_part<F>({row.format, row.bytes, row.cols, row.begin + first, count}, out + first);
  };
  const std::size_t alignment = units.alignment();
  const std::size_t before = alignment == 0 ? row.count : (alignment - row.begin % alignment) % alignment;
  std::size_t done = before < row.count ? before : row.count;
  decode_part(0, done);
  for (; done + weights_of_unit <= row.count; done += weights_of_unit)
    units.decode(row.begin + done, Output{out + done});
  decode_part(done, row.count - done);
}

/// Formats without integer levels have no units.
template <class Output>
using DecodeRow = void (*)(const RowRange&, typename Output::Number*);
template <class F, class Output>
constexpr DecodeRow<Output> row_decoder() {
  if constexpr (has_codes<F>)
    return decode_by_units<F, Output>;
  else
    return Output::template decode_part<F>;
}

template <class Output, class... F>
const DecodeRow<Output>* row_decoder_table(formats::List<F...>) {
  static constexpr DecodeRow<Output> table[] = {row_decoder<F, Output>()...};
  return table;
}

}  // namespace
}  // namespace quantbench
