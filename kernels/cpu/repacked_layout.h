// How weights are repacked for decode: sixteen rows interleaved, so that a register of 64 bytes holds four weights of each of them, and
// what is done once for a group (finding its scale, turning its sum into a number) is done for sixteen groups at once.
//
// A band is sixteen rows; it consists of units of 256 columns, one after another. The last band is filled up with rows, and the last
// unit of each with columns, whose scales are zero. A unit is
//   scales    16 f16 d[, 16 f16 dmin], unless groups have f16 scales of their own; then the groups' scales as Scales names them
//   shifts    IQ1: 16 bits of each octet of columns: which rows' levels are two lower there
//   codes     for each run of 32 columns as many registers as codes have bits. The four codes of row r in quad q of the run (columns
//             4 q to 4 q + 3) are in bytes 4 r to 4 r + 3 of the registers, at the places that Codes names.
// A weight is scale * level, plus an f16 offset or minus a multiple of dmin; level = bytes[code] + base, or code + base where there is
// no table; IQ1 takes two off where the bit of the shifts is set.
//
// Formats with codebooks are repacked as the levels of their weights: more bytes, but no codewords to look up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quantizers/formats/all.h"

namespace quantbench {

constexpr std::size_t band_rows = 16, repacked_unit = 256;

namespace repacked {

/// Where some bits of a quad's codes are: `bits` bits from bit `shift` of the bytes of a register are bits `from` and up of the code.
struct Place {
  int reg = 0, shift = 0, bits = 0, from = 0;
};
/// In ascending order of `from`; those with no bits are not there.
using Places = std::array<Place, 3>;

/// Codes of `bits` bits in as many registers a run. Where bits divide a byte, quad q is in register q % bits. Else as many quads as
/// there are registers lie in the lower bits of one each, which is the cheapest place, and the others take what is left.
template <int bits_>
struct Codes {
  static constexpr int bits = bits_;
  static constexpr Places places(int quad) { return {{{quad % bits, quad / bits * bits, bits, 0}}}; }
};
/// The first six quads lie in pairs in the lower six bits, which is what tables read.
template <>
struct Codes<3> {
  static constexpr int bits = 3;
  static constexpr Places places(int quad) {
    if (quad < 6) return {{{quad / 2, quad % 2 * 3, 3, 0}}};
    return {{{quad - 6, 6, 2, 0}, {2, quad, 1, 2}}};
  }
};
template <>
struct Codes<5> {
  static constexpr int bits = 5;
  static constexpr Places places(int quad) {
    if (quad < 5) return {{{quad, 0, 5, 0}}};
    if (quad == 7) return {{{4, 5, 3, 0}, {1, 7, 1, 3}, {3, 7, 1, 4}}};
    const int reg = 2 * (quad - 5);
    return {{{reg, 5, 3, 0}, {reg + 1, 5, 2, 3}}};
  }
};
template <>
struct Codes<6> {
  static constexpr int bits = 6;
  static constexpr Places places(int quad) {
    if (quad < 6) return {{{quad, 0, 6, 0}}};
    const int reg = 3 * (quad - 6);
    return {{{reg, 6, 2, 0}, {reg + 1, 6, 2, 2}, {reg + 2, 6, 2, 4}}};
  }
};

/// How the scales of the groups are stored. Where they are integers, they are multiples of d, and the offsets of dmin.
enum class Scales {
  halves,   // 16 f16 scales of each group, then 16 f16 offsets of each group if there are any
  bytes,    // 16 int8 of each group
  nibbles,  // 16 bytes of each group: the scale in the lower half, the offset in the upper one
  sixes,    // three times 16 words of 32 bits: see place_of_six
  odd_nibbles,  // 16 bytes of each two groups: s of the first in the lower half, that of the second in the upper; multiples are 2 s + 1
};

/// Eight scales and eight offsets (8 and up) of six bits: five in each word from bit 0 on; the last one is in bits 30 and 31 of all three.
struct PlaceOfSix {
  int word, shift;
};
constexpr int six_in_upper_bits = 15;
constexpr PlaceOfSix place_of_six(int index) { return {index / 5, index % 5 * 6}; }

struct HalfScales {
  static constexpr Scales scales = Scales::halves;
};

/// d and dmin are f16 at these bytes of a block.
template <Scales scales_, int d_at, int dmin_at = -1>
struct Multiples {
  static constexpr Scales scales = scales_;
  static float d(const std::byte* b) { return formats::HalfScale::load(b + d_at); }
  static float dmin(const std::byte* b) { return dmin_at < 0 ? 0 : formats::HalfScale::load(b + dmin_at); }
};

template <class F>
struct CodebookMultiples {
  static constexpr Scales scales = Scales::odd_nibbles;
  static constexpr float factor = 2 * F::codebook.unit;  // of s + 1/2
  /// Exact, since 2 s + 1 has at most six bits.
  static float d(const std::byte* b) {
    return F::affine(b, 0).scale / (static_cast<float>(2 * F::scale_of(b, 0) + 1) * F::codebook.unit);
  }
};

/// +-magnitude, ascending.
template <std::size_t count>
constexpr std::array<std::int8_t, 2 * count> with_signs(const std::int8_t (&magnitudes)[count]) {
  std::array<std::int8_t, 2 * count> values{};
  for (std::size_t i = 0; i < count; ++i) {
    values[count + i] = magnitudes[i];
    values[count - 1 - i] = static_cast<std::int8_t>(-magnitudes[i]);
  }
  return values;
}
constexpr auto iq2_values = with_signs({8, 25, 43});
constexpr auto iq3_xxs_values = with_signs({4, 12, 20, 28, 36, 44, 52, 62});
constexpr auto iq3_s_values = with_signs({1, 3, 5, 7, 9, 11, 13, 15});

/// 8 * codebook entry, plus the shift where it is up.
constexpr std::array<std::int8_t, 3> iq1_values{-7, 1, 9};

template <class F>
struct As;  // formats that are not here are not repacked

template <>
struct As<formats::Q4_0> : HalfScales, Codes<4> {};
template <>
struct As<formats::Q4_1> : HalfScales, Codes<4> {};
template <>
struct As<formats::Q5_0> : HalfScales, Codes<5> {};
template <>
struct As<formats::Q5_1> : HalfScales, Codes<5> {};
template <>
struct As<formats::Q8_0> : HalfScales, Codes<8> {};
template <>
struct As<formats::IQ4_NL> : HalfScales, Codes<4> {
  static constexpr auto values = std::to_array(formats::iq4_values);
};

template <>
struct As<formats::Q2_K> : Multiples<Scales::nibbles, 80, 82>, Codes<2> {};
template <>
struct As<formats::Q3_K> : Multiples<Scales::bytes, 108>, Codes<3> {};
template <>
struct As<formats::Q4_K> : Multiples<Scales::sixes, 0, 2>, Codes<4> {};
template <>
struct As<formats::Q5_K> : Multiples<Scales::sixes, 0, 2>, Codes<5> {};
template <>
struct As<formats::Q6_K> : Multiples<Scales::bytes, 208>, Codes<6> {};
template <>
struct As<formats::IQ4_XS> : Multiples<Scales::bytes, 0>, Codes<4> {
  static constexpr auto values = std::to_array(formats::iq4_values);
};

template <class F>
struct OfIq2 : CodebookMultiples<F>, Codes<3> {
  static constexpr auto values = iq2_values;
};
template <>
struct As<formats::IQ2_XXS> : OfIq2<formats::IQ2_XXS> {};
template <>
struct As<formats::IQ2_XS> : OfIq2<formats::IQ2_XS> {};
template <>
struct As<formats::IQ2_S> : OfIq2<formats::IQ2_S> {};

template <>
struct As<formats::IQ3_XXS> : CodebookMultiples<formats::IQ3_XXS>, Codes<4> {
  static constexpr auto values = iq3_xxs_values;
};
template <>
struct As<formats::IQ3_S> : CodebookMultiples<formats::IQ3_S>, Codes<4> {
  static constexpr auto values = iq3_s_values;
};

template <class F>
struct OfIq1 : CodebookMultiples<F>, Codes<2> {
  static constexpr auto values = iq1_values;
  static constexpr bool octet_shifts = true;
};
template <>
struct As<formats::IQ1_S> : OfIq1<formats::IQ1_S> {};
template <>
struct As<formats::IQ1_M> : OfIq1<formats::IQ1_M> {};

template <class F>
constexpr bool exists = requires {
  As<F>::bits;
};

/// Places and sizes of a unit's parts in bytes, and what its codes stand for.
template <class F>
struct Layout : As<F> {
  using Spec = As<F>;
  static constexpr int group = F::group, groups = 256 / F::group;
  static constexpr bool has_offset = F::has_offset;
  static constexpr bool octet_shifts = requires { Spec::octet_shifts; };
  static constexpr bool has_table = requires { Spec::values; };
  static constexpr float factor = [] {
    if constexpr (requires { Spec::factor; })
      return Spec::factor;
    else
      return 1.0f;
  }();
  /// Whether bytes are looked up, with what is above the codes ignored, or are the codes.
  static constexpr bool by_table = Spec::bits == 3 || requires { Spec::values; };
  /// Of bytes as they are multiplied.
  static constexpr int base = [] {
    if constexpr (requires { Spec::values; })
      return static_cast<int>(Spec::values[0]);
    else
      return F::level_min;
  }();
  static constexpr int byte_of(int code) {
    if constexpr (requires { Spec::values; })
      return code < static_cast<int>(Spec::values.size()) ? Spec::values[static_cast<std::size_t>(code)] - base : 0;
    else
      return code;
  }

  static constexpr bool multiples = Spec::scales != Scales::halves;
  static constexpr std::size_t row_values = 2 * band_rows;  // bytes of an f16 of each row
  static constexpr std::size_t scales_at = multiples ? row_values * (has_offset ? 2 : 1) : 0;
  static constexpr std::size_t scales_bytes = [] {
    switch (Spec::scales) {
      case Scales::halves:
        return groups * row_values * (has_offset ? 2 : 1);
      case Scales::bytes:
      case Scales::nibbles:
        return groups * band_rows;
      case Scales::sixes:
        return 3 * 4 * band_rows;
      case Scales::odd_nibbles:
        return groups / 2 * band_rows;
    }
  }();
  static constexpr std::size_t shifts_at = scales_at + scales_bytes;
  static constexpr std::size_t codes_at = shifts_at + (octet_shifts ? 2 * repacked_unit / 8 : 0);
  static constexpr std::size_t run_bytes = 64 * Spec::bits;
  static constexpr std::size_t unit_bytes = codes_at + 8 * run_bytes;
};

}  // namespace repacked
}  // namespace quantbench
