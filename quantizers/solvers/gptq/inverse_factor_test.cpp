#include "quantizers/solvers/gptq/inverse_factor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace quantbench {
namespace {

/// A'A + I for a random A.
std::vector<float> positive_matrix(std::size_t n) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> a(n * n), matrix(n * n);
  for (float& value : a) value = normal(random);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = i == j ? 1 : 0;
      for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(a[i * n + k]) * static_cast<double>(a[j * n + k]);
      matrix[i * n + j] = matrix[j * n + i] = static_cast<float>(sum);
    }
  return matrix;
}

/// U H U' = I is the same as H^-1 = U'U.
void expect_factor_of_inverse(const std::vector<float>& h, const std::vector<float>& transposed, std::size_t n) {
  std::vector<double> product(n * n);  // U H
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = i; k < n; ++k)
      for (std::size_t j = 0; j < n; ++j)
        product[i * n + j] += static_cast<double>(transposed[k * n + i]) * static_cast<double>(h[k * n + j]);
  for (std::size_t i = 0; i < n; ++i) {
    ASSERT_GT(transposed[i * n + i], 0.0f);
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::size_t k = j; k < n; ++k) sum += product[i * n + k] * static_cast<double>(transposed[k * n + j]);
      ASSERT_NEAR(sum, i == j ? 1 : 0, 2e-3) << i << " " << j;
      if (j > i) {
        ASSERT_EQ(transposed[i * n + j], 0.0f);
      }
    }
  }
}

TEST(InverseFactor, IsTheFactorOfTheInverse) {
  for (const std::size_t n : {1, 2, 127, 128, 129, 300}) {
    SCOPED_TRACE(n);
    const std::vector<float> h = positive_matrix(n);
    const auto factor = transposed_inverse_factor(h, n, 2);
    ASSERT_TRUE(factor);
    expect_factor_of_inverse(h, *factor, n);
  }
}

TEST(InverseFactor, HasTheSameBitsEverywhere) {
  const std::size_t n = 600;
  const std::vector<float> h = positive_matrix(n);
  const auto expected = transposed_inverse_factor(h, n, 1, Isa::scalar);
  for (const Isa isa : available_isas())
    for (const int threads : {1, 2, 5}) EXPECT_EQ(transposed_inverse_factor(h, n, threads, isa), expected);
}

TEST(InverseFactor, RefusesWhatIsNotPositiveDefinite) {
  for (const std::size_t bad : {std::size_t{0}, std::size_t{150}, std::size_t{299}})
    for (const float value : {-1.0f, 0.0f, NAN, INFINITY}) {
      std::vector<float> h = positive_matrix(300);
      h[bad * 300 + bad] = value;
      EXPECT_FALSE(transposed_inverse_factor(h, 300, 2)) << bad << " " << value;
    }
}

}  // namespace
}  // namespace quantbench
