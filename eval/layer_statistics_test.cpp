#include "eval/layer_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.h"

namespace quantbench {
namespace {

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.1f, 1);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

constexpr CalibrationNeeds both{.second_moments = true, .cross_moments = true};

/// 2/n L'R in f64.
std::vector<double> obvious(std::span<const float> left, std::span<const float> right, std::size_t cols) {
  std::vector<double> sums(cols * cols);
  const std::size_t tokens = left.size() / cols;
  for (std::size_t token = 0; token < tokens; ++token)
    for (std::size_t i = 0; i < cols; ++i)
      for (std::size_t j = 0; j < cols; ++j)
        sums[i * cols + j] += 2.0 / static_cast<double>(tokens) * static_cast<double>(left[token * cols + i]) *
                              static_cast<double>(right[token * cols + j]);
  return sums;
}

struct Inputs {
  std::size_t cols, window, windows;
  std::vector<float> x = random_values(cols * window * windows, 1);
  std::vector<float> original = random_values(cols * window * windows, 2);

  MatrixView part(const std::vector<float>& values, std::size_t first, std::size_t count) const {
    return {std::span(values).subspan(first * window * cols, count * window * cols), count * window, cols};
  }

  /// In batches of so many windows.
  LayerStatistics collect(const std::vector<std::size_t>& batches, int threads) const {
    LayerSums sums(cols, both);
    std::size_t first = 0;
    for (const std::size_t count : batches) {
      sums.add(part(x, first, count), part(original, first, count), window, threads);
      first += count;
    }
    return sums.statistics();
  }
};

TEST(LayerStatistics, MomentsEqualAnObviousComputation) {
  for (const Inputs& inputs : {Inputs{5, 7, 3}, Inputs{200, 130, 2}, Inputs{193, 1, 40}}) {
    const LayerStatistics found = inputs.collect({inputs.windows}, 2);
    std::vector<float> difference(inputs.x.size());
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] = inputs.original[i] - inputs.x[i];
    const auto moments = obvious(inputs.x, inputs.x, inputs.cols), cross = obvious(difference, inputs.x, inputs.cols);
    ASSERT_EQ(found.second_moments.size(), moments.size());
    ASSERT_EQ(found.cross_moments.size(), cross.size());
    for (std::size_t i = 0; i < moments.size(); ++i) {
      ASSERT_NEAR(found.second_moments[i], moments[i], 2e-6) << i;
      ASSERT_NEAR(found.cross_moments[i], cross[i], 3e-6) << i;
    }
    EXPECT_EQ(found.tokens, inputs.window * inputs.windows);
    for (std::size_t j = 0; j < inputs.cols; ++j)
      ASSERT_NEAR(found.mean_square[j], moments[j * inputs.cols + j] / 2, 1e-6) << "the diagonal";
  }
}

// Many blocks of tokens: f32 sums all through would be off by more than the tolerance.
TEST(LayerStatistics, SumsOverManyTokensKeepTheirPrecision) {
  const std::size_t tokens = 128 * 2000;
  std::vector<float> ones(tokens, 1.0f / 3);
  LayerSums sums(1, both);
  sums.add({ones, tokens, 1}, {ones, tokens, 1}, tokens, 1);
  const double third = static_cast<double>(1.0f / 3);
  EXPECT_NEAR(sums.statistics().second_moments[0], 2 * third * third, 1e-6);
  EXPECT_EQ(sums.statistics().cross_moments[0], 0);
}

TEST(LayerStatistics, BitsDependNeitherOnThreadsNorOnBatches) {
  const Inputs inputs{210, 133, 6};
  const LayerStatistics expected = inputs.collect({6}, 1);
  for (const int threads : {1, 3}) {
    for (const auto& batches : {std::vector<std::size_t>{6}, {1, 1, 1, 1, 1, 1}, {2, 3, 1}}) {
      const LayerStatistics found = inputs.collect(batches, threads);
      EXPECT_EQ(found.second_moments, expected.second_moments);
      EXPECT_EQ(found.cross_moments, expected.cross_moments);
      EXPECT_EQ(found.mean_square, expected.mean_square);
    }
  }
  for (std::size_t i = 0; i < 210; ++i)
    for (std::size_t j = 0; j < i; ++j)
      ASSERT_EQ(expected.second_moments[i * 210 + j], expected.second_moments[j * 210 + i]) << "symmetric";
}

TEST(LayerStatistics, PredictsItsMemory) {
  for (const std::size_t cols : {std::size_t{1}, std::size_t{192}, std::size_t{500}}) {
    for (const CalibrationNeeds& needs : {CalibrationNeeds{}, CalibrationNeeds{.second_moments = true}, both}) {
      LayerSums sums(cols, needs);
      const std::vector<float> x(cols, 1.0f);
      sums.add({x, 1, cols}, {x, 1, cols}, 1, 1);
      EXPECT_EQ(sums.bytes(), LayerSums::bytes_for(cols, needs));
      EXPECT_EQ(sums.statistics().bytes(), LayerStatistics::bytes_for(cols, needs));
    }
  }
}

TEST(LayerStatistics, RefusesWhatDoesNotFit) {
  LayerSums sums(4, both);
  const std::vector<float> x(12, 1.0f);
  EXPECT_THROW(sums.add({x, 4, 3}, {x, 4, 3}, 2, 1), Error) << "columns";
  EXPECT_THROW(sums.add({x, 3, 4}, {x, 3, 4}, 2, 1), Error) << "no whole windows";
  EXPECT_THROW(sums.add({x, 3, 4}, 3, 1), Error) << "no original inputs";
}

TEST(LayerStatistics, NoticesWhatIsNotFinite) {
  for (const float bad : {NAN, INFINITY, 1e30f}) {
    LayerSums sums(2, {});
    const std::vector<float> x = {1, bad};
    sums.add({x, 1, 2}, 1, 1);
    EXPECT_FALSE(sums.finite()) << bad;
  }
}

}  // namespace
}  // namespace quantbench
