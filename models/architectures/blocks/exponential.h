// exp in f32 and f64, in vectors, the same bits on every instruction set.
//
// exp(x) = 2^n exp(r) with n = round(x / ln 2) and |r| <= ln(2) / 2 (n ln 2 subtracted in two parts, Cody and Waite
// 1980); exp(r) is the Taylor polynomial of degree 7 (f32) or 13 (f64), whose remainder, 5e-9 and 5e-18 relative, is
// below the rounding. 2^n is applied in two halves, so that results overflow to infinity and go through subnormals to
// zero. NaN stays NaN. Largest error found:
// 1.14 ulp in f32 (against f64, every 976th bit pattern) and 1.10 ulp in f64 (against long double, 190 000 arguments).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "models/architectures/blocks/simd.h"

namespace quantbench {

template <class T>
struct ExponentialConstants;

template <>
struct ExponentialConstants<float> {
  static constexpr float least = -104.0f, most = 89.0f;  // zero below, infinity above
  static constexpr float inverse_ln2 = 1.44269504f;
  static constexpr float ln2_high = 0x1.62e4p-1f;    // 14 bits: n * ln2_high is exact for |n| < 2^10
  static constexpr float ln2_low = 0x1.7f7d1cp-20f;  // ln 2 - ln2_high
  static constexpr float rounder = 0x1.8p23f;        // adding it leaves round(x) in the low mantissa bits
  static constexpr std::int32_t rounder_bits = 0x4B400000;
  static constexpr std::int32_t exponent_bias = 127;
  static constexpr int mantissa_bits = 23;
  static constexpr float coefficients[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
};

template <>
struct ExponentialConstants<double> {
  static constexpr double least = -746.0, most = 710.0;
  static constexpr double inverse_ln2 = 1.4426950408889634;
  static constexpr double ln2_high = 0x1.62e42fefap-1;      // 35 bits: n * ln2_high is exact for |n| < 2^18
  static constexpr double ln2_low = 0x1.cf79abc9e3b3ap-40;  // ln 2 - ln2_high
  static constexpr double rounder = 0x1.8p52;
  static constexpr std::int64_t rounder_bits = 0x4338000000000000;
  static constexpr std::int64_t exponent_bias = 1023;
  static constexpr int mantissa_bits = 52;
  static constexpr double coefficients[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
};

/// x = exp(x), element by element.
template <class T, std::size_t Width>
[[gnu::always_inline]] inline void exponential(Simd<T, Width>& x) {
  using Constants = ExponentialConstants<T>;
  using Vector = Simd<T, Width>;
  using IntegerVector = typename SimdTypes<T, Width>::IntegerVector;
  const Vector least = Vector{} + Constants::least;
  const Vector most = Vector{} + Constants::most;
  x = x < least ? least : x;
  x = x > most ? most : x;
  const Vector shifted = x * Constants::inverse_ln2 + Constants::rounder;
  const Vector n = shifted - Constants::rounder;
  const Vector r = (x - n * Constants::ln2_high) - n * Constants::ln2_low;
  Vector sum = Vector{} + Constants::coefficients[0];
  for (std::size_t index = 1; index < std::size(Constants::coefficients); ++index)
    sum = sum * r + Constants::coefficients[index];
  const IntegerVector power = __builtin_bit_cast(IntegerVector, shifted) - Constants::rounder_bits;
  const IntegerVector half = power >> 1;
  const IntegerVector first = (half + Constants::exponent_bias) << Constants::mantissa_bits;
  const IntegerVector second = (power - half + Constants::exponent_bias) << Constants::mantissa_bits;
  x = sum * __builtin_bit_cast(Vector, first) * __builtin_bit_cast(Vector, second);
}

/// values[i] = exp(values[i]).
void exponentials(std::span<float> values, Isa isa = best_isa());
void exponentials(std::span<double> values, Isa isa = best_isa());

}  // namespace quantbench
