// Conversions between float32 and the two 16-bit floating point types, bit-exact and independent of the instruction
// set.
//
// Widening keeps subnormals, signed zeros and NaN payloads (quiet bit set for binary16). Narrowing rounds to nearest
// even, overflows to infinity and writes every binary16 NaN as 7E00 with the sign of the input. Source: the F16 and
// BF16 sections of the GGUF block specification.
//
// Forced inline, and without std::bit_cast, because kernels of several instruction sets include this: an out-of-line
// copy compiled for the newest one could be the copy that the linker keeps for all.
#pragma once

#include <cstdint>

namespace quantbench {

[[gnu::always_inline]] constexpr float f16_to_f32(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1Fu;
  const std::uint32_t mantissa = half & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24 is exact in float32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return __builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, magnitude) | sign);
  }
  if (exponent == 31) {
    const std::uint32_t quiet = mantissa != 0 ? 0x00400000u : 0u;
    return __builtin_bit_cast(float, sign | 0x7F800000u | quiet | (mantissa << 13));
  }
  return __builtin_bit_cast(float, sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

[[gnu::always_inline]] constexpr std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<std::uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x477FF000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // >= 65520 rounds to infinity
  if (magnitude < 0x38800000u) {
    // Subnormal result: adding 0.5 places the wanted bits at the bottom of the mantissa, rounded to nearest even.
    const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (__builtin_bit_cast(std::uint32_t, shifted) - 0x3F000000u));
  }
  const std::uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

[[gnu::always_inline]] constexpr float bf16_to_f32(std::uint16_t brain) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(brain) << 16);
}

[[gnu::always_inline]] constexpr std::uint16_t f32_to_bf16(float value) {
  const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace quantbench
