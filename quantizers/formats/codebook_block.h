// What the seven codebook formats share: super-blocks of 256 weights made of codewords (CodebookBlock in core/format.h).
//
//     weight = d * (2 s + 1) * unit * level        d: one f16 a super-block; s: a small integer of each group
//     level  = +-codebook[index][coordinate]       IQ2, IQ3: positive entries, one sign bit a weight
//            = 8 * codebook + shift                IQ1: entries -1, 0, 1, and a shift of +1 or -1 for a whole run
// Where a format stores only seven sign bits an octet, the eighth makes the number of minus signs even.
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/codebooks.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

/// F has besides what block.h says F::codebook, a CodebookLayout, and F::scale_of(block, group), the integer s.
template <class F>
struct CodebookBlocks : FixedBlocks<F> {
  static constexpr int block = 256;
  static constexpr bool has_offset = false;

  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    return {HalfScale::load(b) * (static_cast<float>(2 * F::scale_of(b, index) + 1) * F::codebook.unit), 0};
  }
};

[[gnu::always_inline]] constexpr unsigned byte_at(const std::byte* p, int i) { return static_cast<unsigned>(p[i]); }

/// Writes pairs of scales as bytes, the even ones in the low halves.
constexpr void store_scale_nibbles(const std::uint8_t* scales, int bytes, std::byte* p) {
  for (int k = 0; k < bytes; ++k) p[k] = static_cast<std::byte>(scales[2 * k] | scales[2 * k + 1] << 4);
}

/// Four sign indices of seven bits (bits 28..31 are ignored) as 32 sign bits: bit 7 of each byte is its parity.
[[gnu::always_inline]] constexpr std::uint32_t even_signs(std::uint32_t indices) {
  const std::uint32_t spread =
      (indices & 0x7Fu) | (indices & 0x3F80u) << 1 | (indices & 0x1FC000u) << 2 | (indices & 0xFE00000u) << 3;
  std::uint32_t parity = spread ^ spread >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return spread | (parity & 0x01010101u) << 7;
}

/// The inverse: seven bits of each of four octets.
constexpr std::uint32_t sign_indices(const std::uint8_t* signs) {
  std::uint32_t indices = 0;
  for (int k = 0; k < 4; ++k) indices |= static_cast<std::uint32_t>(signs[k] & 0x7F) << (7 * k);
  return indices;
}

}  // namespace quantbench::formats
