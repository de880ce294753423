// The types in which a scale or an offset is stored, and the nearest value of each that can be used.
#pragma once

#include <cfloat>
#include <cmath>

#include "quantizers/formats/lanes.h"

namespace quantbench::formats {

/// binary16: 2 bytes.
struct HalfScale {
  static constexpr const char* name = "f16";
  static constexpr int bytes = 2;
  static constexpr float largest = 65504.0f;
  static constexpr float smallest = 0x1p-24f;

  [[gnu::always_inline]] static constexpr float load(const std::byte* p) { return OneLane::f16(p); }
  static void store(std::byte* p, float value) { store_u16(p, f32_to_f16(value)); }
  static float round(float value) { return f16_to_f32(f32_to_f16(value)); }
};

/// binary32: 4 bytes.
struct FloatScale {
  static constexpr const char* name = "f32";
  static constexpr int bytes = 4;
  static constexpr float largest = FLT_MAX;
  static constexpr float smallest = 0x1p-149f;

  [[gnu::always_inline]] static constexpr float load(const std::byte* p) { return OneLane::f32(p); }
  static void store(std::byte* p, float value) { store_u32(p, __builtin_bit_cast(std::uint32_t, value)); }
  static float round(float value) { return value; }
};

/// The nearest stored value that is finite: an overflow saturates. `value` is not NaN.
template <class Scale>
float nearest_finite(float value) {
  const float rounded = Scale::round(value);
  return std::isinf(rounded) ? std::copysign(Scale::largest, value) : rounded;
}

/// The nearest stored value that can divide weights: finite, and not zero unless `value` is.
template <class Scale>
float nearest_scale(float value) {
  const float rounded = nearest_finite<Scale>(value);
  return rounded == 0 && value != 0 ? std::copysign(Scale::smallest, value) : rounded;
}

}  // namespace quantbench::formats
