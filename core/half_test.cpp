#include "core/half.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quantbench {
namespace {

// The value of a binary16 from its definition, in exact arithmetic.
double value_of(std::uint16_t half) {
  const int sign = (half & 0x8000) != 0 ? -1 : 1;
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, WideningIsExactForEveryFiniteValue) {
  for (int half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<std::uint16_t>(half);
    if (((bits >> 10) & 31) == 31) continue;
    ASSERT_EQ(static_cast<double>(f16_to_f32(bits)), value_of(bits)) << bits;
    ASSERT_EQ(std::signbit(f16_to_f32(bits)), (bits & 0x8000) != 0) << bits;
  }
}

TEST(Half, NarrowingInvertsWidening) {
  for (int half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<std::uint16_t>(half);
    const bool is_nan = ((bits >> 10) & 31) == 31 && (bits & 1023) != 0;
    const std::uint16_t expected = is_nan ? static_cast<std::uint16_t>((bits & 0x8000) | 0x7E00) : bits;
    ASSERT_EQ(f32_to_f16(f16_to_f32(bits)), expected) << bits;
  }
}

// Between two neighbours the nearer one is chosen, and the even one at the exact middle.
TEST(Half, NarrowingRoundsToNearestEven) {
  for (int half = 0; half < 0x7BFF; ++half) {
    const auto low = static_cast<std::uint16_t>(half);
    const auto high = static_cast<std::uint16_t>(half + 1);
    const float middle = static_cast<float>((value_of(low) + value_of(high)) / 2);  // exact: one more bit
    ASSERT_EQ(f32_to_f16(middle), (half % 2 == 0) ? low : high) << half;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), low) << half;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), high) << half;
  }
}

TEST(Half, NarrowingOverflowsToInfinity) {
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7C00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xFC00);
}

TEST(Half, BrainFloatRoundsToNearestEven) {
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F808000u)), 0x3F80);  // middle, even below
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F818000u)), 0x3F82);  // middle, even above
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F808001u)), 0x3F81);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x7F800001u)), 0x7FC0);  // a NaN stays a NaN
  for (int bits = 0; bits < 0x7F80; ++bits) ASSERT_EQ(f32_to_bf16(bf16_to_f32(static_cast<std::uint16_t>(bits))), bits);
}

}  // namespace
}  // namespace quantbench
