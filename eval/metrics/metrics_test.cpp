#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/error.h"
#include "eval/metrics/kl_divergence.h"
#include "eval/metrics/perplexity.h"
#include "eval/metrics/weight_error.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

std::vector<float> random_values(std::size_t count, std::uint32_t seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(Perplexity, ByHand) {
  const std::vector<float> nll = {1, 2, 3, 6};  // mean 3, squared deviations 4 + 1 + 0 + 9 = 14
  const Perplexity result = perplexity(nll);
  EXPECT_EQ(result.tokens, 4u);
  EXPECT_DOUBLE_EQ(result.value, std::exp(3.0));
  EXPECT_DOUBLE_EQ(result.stderr_, std::exp(3.0) * std::sqrt(14.0 / 3 / 4));
  EXPECT_EQ(perplexity(std::vector<float>{2}).stderr_, 0);
  EXPECT_THROW(perplexity({}), Error);
}

TEST(Perplexity, AUniformModelHasThePerplexityOfItsVocabulary) {
  const std::vector<float> nll(1000, std::log(2048.0f));
  EXPECT_NEAR(perplexity(nll).value, 2048, 1e-3);
  EXPECT_NEAR(perplexity(nll).stderr_, 0, 1e-9);
}

TEST(PairedDifference, ByHand) {
  const std::vector<float> a = {1, 5, 2}, b = {2, 7, 5};  // differences 1, 2, 3: mean 2, variance 1
  const PairedDifference result = paired_difference(a, b);
  const double half_width = 1.959963984540054 * std::sqrt(1.0 / 3);
  EXPECT_DOUBLE_EQ(result.mean, 2);
  EXPECT_DOUBLE_EQ(result.lower, 2 - half_width);
  EXPECT_DOUBLE_EQ(result.upper, 2 + half_width);
  EXPECT_DOUBLE_EQ(result.ratio, std::exp(2.0));
  EXPECT_TRUE(result.excludes_zero());
  EXPECT_TRUE(paired_difference(b, a).excludes_zero());
  EXPECT_DOUBLE_EQ(paired_difference(b, a).mean, -2);
  EXPECT_FALSE(paired_difference(a, a).excludes_zero());
  EXPECT_FALSE(paired_difference(std::vector<float>{1, 1}, std::vector<float>{0, 2}).excludes_zero());
  EXPECT_THROW(paired_difference(a, std::vector<float>{1, 2}), Error);
}

TEST(LogSumExp, EqualsTheDefinitionForAnyLengthOnEveryIsa) {
  for (const std::size_t size : {1u, 2u, 15u, 16u, 17u, 100u, 2048u}) {
    const std::vector<float> logits = random_values(size, 3, 5);
    long double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<long double>(logit));
    const double expected = static_cast<double>(std::log(sum));
    const double scalar = log_sum_exp(logits, Isa::scalar);
    EXPECT_NEAR(scalar, expected, 1e-14 * std::fabs(expected) + 1e-15) << size;
    for (const Isa isa : available_isas()) EXPECT_EQ(log_sum_exp(logits, isa), scalar) << to_string(isa);
  }
}

TEST(LogSumExp, LargeAndSpecialValues) {
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{1e30f, 1e30f}), static_cast<double>(1e30f) + std::log(2.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{-1e30f, 3}), 3);
  EXPECT_TRUE(std::isnan(log_sum_exp(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), 2})));
  EXPECT_FALSE(std::isfinite(log_sum_exp(std::vector<float>{1, std::numeric_limits<float>::infinity()})));
}

LogitsRow row_of(const std::vector<float>& logits) { return {logits, log_sum_exp(logits)}; }

TEST(KlDivergence, ByHand) {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2): D = 1/2 ln 2 + 0 - 1/4 ln 2 = ln(2) / 4
  const float half = std::log(0.5f), quarter = std::log(0.25f);
  const std::vector<float> p = {half, quarter, quarter}, q = {quarter, quarter, half};
  const PositionDivergence result = position_divergence(row_of(p), row_of(q), 2);
  EXPECT_NEAR(result.divergence, std::log(2.0) / 4, 1e-7);
  EXPECT_FALSE(result.same_top1);
  EXPECT_NEAR(result.probability_difference, 0.25, 1e-7);
  const PositionDivergence same = position_divergence(row_of(p), row_of(p), 0);
  EXPECT_EQ(same.divergence, 0);
  EXPECT_TRUE(same.same_top1);
  EXPECT_EQ(same.probability_difference, 0);
  EXPECT_THROW(position_divergence(row_of(p), row_of({1, 2}), 0), Error);
  EXPECT_THROW(position_divergence(row_of(p), row_of(q), 3), Error);
}

TEST(KlDivergence, EqualsTheDefinitionInExtendedPrecision) {
  for (const std::size_t size : {3u, 16u, 61u, 2048u})
    for (const float spread : {1.0f, 1e-3f, 1e-6f}) {
      const std::vector<float> p = random_values(size, 7, 4);
      std::vector<float> q = p;
      const std::vector<float> noise = random_values(size, 8, spread);
      for (std::size_t index = 0; index < size; ++index) q[index] += noise[index];
      long double p_sum = 0, q_sum = 0, expected = 0;
      for (std::size_t index = 0; index < size; ++index) {
        p_sum += std::exp(static_cast<long double>(p[index]));
        q_sum += std::exp(static_cast<long double>(q[index]));
      }
      const long double shift = std::log(q_sum) - std::log(p_sum);
      for (std::size_t index = 0; index < size; ++index)
        expected += std::exp(static_cast<long double>(p[index])) / p_sum *
                    (static_cast<long double>(p[index]) - static_cast<long double>(q[index]) + shift);
      EXPECT_NEAR(position_divergence(row_of(p), row_of(q), 0).divergence, static_cast<double>(expected),
                  1e-6 * static_cast<double>(expected) + 5e-15)
          << size << " tokens, spread " << spread;
    }
}

TEST(KlDivergence, StatisticsByHand) {
  KlDivergenceAccumulator accumulator;
  for (int index = 10; index >= 0; --index) accumulator.add({index / 10.0, index % 2 == 0, index == 3 ? 0.5 : 0.1});
  const KlDivergence result = accumulator.statistics();
  EXPECT_EQ(result.positions, 11u);
  EXPECT_DOUBLE_EQ(result.mean, 0.5);
  EXPECT_NEAR(result.median, 0.5, 1e-7);
  EXPECT_NEAR(result.p90, 0.9, 1e-7);
  EXPECT_NEAR(result.p99, 0.99, 1e-7);
  EXPECT_NEAR(result.max, 1, 1e-7);
  EXPECT_NEAR(result.standard_error, 0.1, 1e-7);  // squared deviations: 2 (0.25 + 0.16 + 0.09 + 0.04 + 0.01) = 1.1
  EXPECT_DOUBLE_EQ(result.top1_agreement, 6.0 / 11);
  EXPECT_DOUBLE_EQ(result.rms_probability_difference, std::sqrt((10 * 0.01 + 0.25) / 11));
  EXPECT_FLOAT_EQ(accumulator.divergences().front(), 1.0f);
  KlDivergenceAccumulator one;
  one.add({0.5, true, 0});
  EXPECT_EQ(one.statistics().standard_error, 0);
  EXPECT_THROW(KlDivergenceAccumulator().statistics(), Error);
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const std::vector<float> sorted = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(quantile(sorted, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.5), 3);
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.75), 5);  // index 2.25
  EXPECT_DOUBLE_EQ(quantile(sorted, 1), 8);
  EXPECT_DOUBLE_EQ(quantile(std::vector<float>{5}, 0.9), 5);
}

TEST(WeightError, ByHand) {
  const std::vector<float> original = {3, 4, 0, 0}, quantized = {3, 2, 0, 1};  // errors 0, 2, 0, -1
  const std::vector<float> mean_square = {4, 9};
  const WeightErrorSums sums = weight_error({original, 2, 2}, {quantized, 2, 2}, mean_square, 1);
  EXPECT_DOUBLE_EQ(sums.rmse(), std::sqrt(5.0 / 4));
  EXPECT_DOUBLE_EQ(sums.relative_rmse(), std::sqrt(5.0 / 25));
  EXPECT_DOUBLE_EQ(sums.max_abs_error, 2);
  EXPECT_DOUBLE_EQ(sums.cosine(), 17 / std::sqrt(25.0 * 14));
  // Column 1 carries all errors: 9 (4 + 1) over 4 * 9 + 9 * 16.
  EXPECT_DOUBLE_EQ(sums.weighted_relative_rmse().value(), std::sqrt(45.0 / 180));
  EXPECT_FALSE(weight_error({original, 2, 2}, {quantized, 2, 2}, {}, 1).weighted_relative_rmse().has_value());
}

TEST(WeightError, ZeroWeights) {
  const std::vector<float> zero(4), one(4, 1.0f);
  EXPECT_EQ(weight_error({zero, 1, 4}, {zero, 1, 4}, {}, 1).relative_rmse(), 0);
  EXPECT_EQ(weight_error({zero, 1, 4}, {zero, 1, 4}, {}, 1).cosine(), 1);
  EXPECT_EQ(weight_error({one, 1, 4}, {zero, 1, 4}, {}, 1).cosine(), 0);
  EXPECT_EQ(weight_error({one, 1, 4}, {zero, 1, 4}, {}, 1).relative_rmse(), 1);
  EXPECT_TRUE(std::isinf(weight_error({zero, 1, 4}, {one, 1, 4}, {}, 1).relative_rmse()));
}

TEST(WeightError, SumsOfPartsAreTheWhole) {
  const std::vector<float> original = random_values(300, 1), quantized = random_values(300, 2), importance(10, 2.0f);
  const WeightErrorSums whole = weight_error({original, 30, 10}, {quantized, 30, 10}, importance, 3);
  const std::span<const float> a(original), b(quantized);
  WeightErrorSums sum;
  sum.add(weight_error({a.first(100), 10, 10}, {b.first(100), 10, 10}, importance, 1));
  sum.add(weight_error({a.subspan(100), 20, 10}, {b.subspan(100), 20, 10}, importance, 1));
  EXPECT_NEAR(sum.relative_rmse(), whole.relative_rmse(), 1e-15);
  EXPECT_EQ(sum.max_abs_error, whole.max_abs_error);
  EXPECT_NEAR(sum.weighted_relative_rmse().value(), whole.relative_rmse(), 1e-15);  // equal importances change nothing
  sum.add(weight_error({a.first(10), 1, 10}, {b.first(10), 1, 10}, {}, 1));
  EXPECT_FALSE(sum.weighted_relative_rmse().has_value());
}

TEST(WeightError, StoredTensorsGiveTheBitsOfTheirDecodedValues) {
  constexpr std::size_t rows = 37, cols = 32;
  const std::vector<float> original = random_values(rows * cols, 4), importance = random_values(cols, 5);
  TensorData wide("w", rows, cols, find_format("f32")), packed("w", rows, cols, find_format("q4_0"));
  std::vector<float> decoded(rows * cols);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto values = std::span(original).subspan(row * cols, cols);
    const Format& q4_0 = *packed.view().format;
    wide.view().format->encode_reference(*wide.view().format, values, wide.row(row));
    q4_0.encode_reference(q4_0, values, packed.row(row));
    q4_0.decode(q4_0, packed.view().row(row), cols, 0, std::span(decoded).subspan(row * cols, cols));
  }
  const WeightErrorSums expected = weight_error({original, rows, cols}, {decoded, rows, cols}, importance, 1);
  EXPECT_GT(expected.relative_rmse(), 0.02);
  for (const int threads : {1, 4}) {
    const WeightErrorSums found = weight_error(wide.view(), packed.view(), importance, threads);
    EXPECT_EQ(found.squared_error, expected.squared_error);
    EXPECT_EQ(found.product, expected.product);
    EXPECT_EQ(found.weighted_squared_error, expected.weighted_squared_error);
  }
  EXPECT_THROW(weight_error(wide.view(), packed.view(), std::vector<float>(3), 1), Error);
  EXPECT_THROW(weight_error({original, rows, cols}, {decoded, cols, rows}, {}, 1), Error);
}

}  // namespace
}  // namespace quantbench
