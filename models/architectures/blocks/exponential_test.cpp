#include "models/architectures/blocks/exponential.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace quantbench {
namespace {

/// Distance of `found` from `exact` in units of the last place of T at `exact`.
template <class T>
double ulps(T found, long double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  const int least_exponent = std::numeric_limits<T>::min_exponent;
  const long double unit = std::ldexp(1.0L, std::max(exponent, least_exponent) - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<long double>(found) - exact) / unit);
}

TEST(Exponential, F32IsWithinTheStatedErrorOfTheExactValue) {
  std::vector<float> arguments;
  for (std::uint64_t bits = 0; bits <= 0xFFFFFFFFu; bits += 976) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (x > -103.9f && x < 88.72f) arguments.push_back(x);
  }
  std::vector<float> results = arguments;
  exponentials(results);
  double worst = 0;
  for (std::size_t index = 0; index < arguments.size(); ++index)
    worst = std::max(worst, ulps(results[index], std::exp(static_cast<double>(arguments[index]))));
  EXPECT_LT(worst, 1.14);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(Exponential, F64IsWithinTheStatedErrorOfTheExactValue) {
  std::vector<double> arguments;
  for (double x = -708.0; x < 709.7; x += 0.00731) arguments.push_back(x);
  for (double x = -1.0; x < 1.0; x += 0.0000217) arguments.push_back(x);
  std::vector<double> results = arguments;
  exponentials(results);
  double worst = 0;
  for (std::size_t index = 0; index < arguments.size(); ++index)
    worst = std::max(worst, ulps(results[index], std::exp(static_cast<long double>(arguments[index]))));
  EXPECT_LT(worst, 1.10);
  RecordProperty("worst_ulp", std::to_string(worst));
}

template <class T>
void expect_special_values() {
  const T infinity = std::numeric_limits<T>::infinity();
  std::vector<T> values = {0, -T{0}, infinity, -infinity, std::numeric_limits<T>::quiet_NaN(), -1000, 1000, 1};
  exponentials(values);
  EXPECT_EQ(values[0], T{1});
  EXPECT_EQ(values[1], T{1});
  EXPECT_EQ(values[2], infinity);
  EXPECT_EQ(values[3], T{0});
  EXPECT_TRUE(std::isnan(values[4]));
  EXPECT_EQ(values[5], T{0});
  EXPECT_EQ(values[6], infinity);
}

TEST(Exponential, SpecialValues) {
  expect_special_values<float>();
  expect_special_values<double>();
}

template <class T>
void expect_equal_bits_on_every_isa() {
  std::vector<T> arguments;
  for (int index = 0; index < 1003; ++index) arguments.push_back(static_cast<T>(index * 0.19 - 110));
  std::vector<T> scalar = arguments;
  exponentials(std::span(scalar), Isa::scalar);
  for (const Isa isa : available_isas()) {
    std::vector<T> results = arguments;
    exponentials(std::span(results), isa);
    EXPECT_EQ(results, scalar) << to_string(isa);
  }
}

TEST(Exponential, EveryIsaGivesTheSameBits) {
  expect_equal_bits_on_every_isa<float>();
  expect_equal_bits_on_every_isa<double>();
}

}  // namespace
}  // namespace quantbench
