// What the plain reference encoders of the 32-weight GGUF formats share. They write what the reference implementation
// writes, byte for byte, wherever that is finite; beyond the range of binary16 they saturate instead of storing
// infinity.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "quantizers/formats/scale.h"

namespace quantbench::formats {

/// The element of largest magnitude, with its sign; the first one wins ties.
inline float signed_extreme(std::span<const float> weights) {
  float extreme = 0;
  for (const float weight : weights)
    if (std::fabs(weight) > std::fabs(extreme)) extreme = weight;
  return extreme;
}

/// The scale before rounding to binary16, kept to values that can be stored.
inline float storable(float scale) {
  return std::isinf(HalfScale::round(scale)) ? std::copysign(HalfScale::largest, scale) : scale;
}

/// 1 / scale; 0 when that does not exist or overflows. Such a scale is stored as zero, so the codes do not matter.
inline float inverse_or_zero(float scale) {
  const float inverse = scale == 0 ? 0.0f : 1.0f / scale;
  return std::isinf(inverse) ? 0.0f : inverse;
}

struct RangeAffine {
  float scale = 0;
  float offset = 0;
  float inverse = 0;  // of the scale
};

/// The affine that takes the levels 0..level_max to the smallest..largest weight, before rounding to binary16.
inline RangeAffine range_affine(std::span<const float> weights, int level_max) {
  const auto [smallest, largest] = std::ranges::minmax(weights);
  const float scale = storable((largest - smallest) / static_cast<float>(level_max));
  return {scale, storable(smallest), inverse_or_zero(scale)};
}

/// The integer part of `value`, kept within 0..largest; `value` is not NaN and already holds the half that rounds.
inline int code_of(float value, int largest) {
  return static_cast<int>(std::clamp(value, 0.0f, static_cast<float>(largest)));
}

/// Writes 32 nibbles in the GGUF order: codes 0..15 into the low halves, 16..31 into the high halves.
template <class Code>
void store_nibbles(std::byte* p, const Code& code) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<std::byte>((code(i) & 15) | (code(i + 16) & 15) << 4);
}

/// Writes bit `position` of 32 codes: bit i of the word belongs to weight i.
template <class Code>
void store_bits(std::byte* p, const Code& code, int position) {
  std::uint32_t word = 0;
  for (int i = 0; i < 32; ++i) word |= static_cast<std::uint32_t>((code(i) >> position) & 1) << i;
  store_u32(p, word);
}

}  // namespace quantbench::formats
