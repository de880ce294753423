#include "eval/metrics/correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

using Values = std::vector<double>;

TEST(Correlation, PearsonByHand) {
  // Deviations from the means: (-1.5, -0.5, 0.5, 1.5) and (-2, 0, -1, 3): 7 / sqrt(5 * 14).
  EXPECT_NEAR(*pearson_correlation(Values{1, 2, 3, 4}, Values{0, 2, 1, 5}), 7 / std::sqrt(70.0), 1e-15);
  EXPECT_NEAR(*pearson_correlation(Values{1, 2, 3}, Values{-2, -4, -6}), -1, 1e-15);
}

TEST(Correlation, SpearmanLooksAtTheOrderOnly) {
  EXPECT_NEAR(*spearman_correlation(Values{1, 2, 3, 4}, Values{0.1, 7, 8, 1e9}), 1, 1e-15);
  // Ranks 0 1 2 3 and 0 2 1 3: 1 - 6 * 2 / (4 * 15).
  EXPECT_NEAR(*spearman_correlation(Values{10, 20, 30, 40}, Values{1, 3, 2, 9}), 0.8, 1e-15);
}

TEST(Correlation, EqualValuesShareTheMeanOfTheirRanks) {
  // Ranks (0.5, 0.5, 2) and (0, 1, 2): deviations (-0.5, -0.5, 1) and (-1, 0, 1): 1.5 / sqrt(1.5 * 2).
  EXPECT_NEAR(*spearman_correlation(Values{4, 4, 9}, Values{1, 2, 3}), 1.5 / std::sqrt(3.0), 1e-15);
}

TEST(Correlation, NoneWithoutSpreadAndAnErrorForUnequalLengths) {
  EXPECT_FALSE(pearson_correlation(Values{1}, Values{1}));
  EXPECT_FALSE(pearson_correlation(Values{1, 1}, Values{1, 2}));
  EXPECT_THROW(pearson_correlation(Values{1, 2}, Values{1}), Error);
}

}  // namespace
}  // namespace quantbench
