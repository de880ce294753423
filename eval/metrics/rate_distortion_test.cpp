#include "eval/metrics/rate_distortion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace quantbench {
namespace {

TEST(RateDistortion, OneSourceLosesSixDecibelsABit) {
  const std::vector<GaussianSource> source{{100, 4.0}};
  EXPECT_DOUBLE_EQ(least_squared_error(source, 0), 4);
  EXPECT_DOUBLE_EQ(least_squared_error(source, 1), 1);
  EXPECT_DOUBLE_EQ(least_squared_error(source, 3), 4.0 / 64);
}

// Cover and Thomas, figure 10.7, by hand: variances 16, 4 and 1/4 with one weight each. At t = 1 the first gets log2(16)/2 = 2
// bits, the second 1 bit, the third none: 1 bit per weight on average, error (1 + 1 + 1/4) / 3.
TEST(RateDistortion, WaterFillingByHand) {
  const std::vector<GaussianSource> sources{{1, 0.25}, {1, 16}, {1, 4}};
  EXPECT_DOUBLE_EQ(least_squared_error(sources, 1), 0.75);
}

/// Gives small parts of the bits away, each to the source where it lowers the error most.
double greedy_error(std::vector<GaussianSource> sources, double bits_per_weight) {
  double weights = 0;
  for (const GaussianSource& source : sources) weights += static_cast<double>(source.weights);
  constexpr double part = 1e-4;  // of a bit for each weight of a source
  for (double left = bits_per_weight * weights; left > 0;) {
    const auto most = std::ranges::max_element(sources, {}, &GaussianSource::mean_square);
    most->mean_square *= std::exp2(-2 * part);
    left -= part * static_cast<double>(most->weights);
  }
  double error = 0;
  for (const GaussianSource& source : sources) error += static_cast<double>(source.weights) * source.mean_square;
  return error / weights;
}

TEST(RateDistortion, WaterFillingIsWhatGreedyBitsReach) {
  const std::vector<GaussianSource> sources{{300, 1e-3}, {1000, 2e-3}, {50, 5e-6}, {700, 0.03}, {10, 0}};
  for (const double bits : {0.0, 0.3, 1.0, 2.5, 4.5, 8.0})
    EXPECT_NEAR(greedy_error(sources, bits) / least_squared_error(sources, bits), 1, 1e-3) << bits;
}

TEST(RateDistortion, DistanceIsTenLogTenOfTheErrorOverTheBound) {
  const std::vector<GaussianSource> source{{64, 1.0}};
  EXPECT_NEAR(*rate_distortion_db(1.0 / 16, source, 2), 0, 1e-12);
  EXPECT_NEAR(*rate_distortion_db(10.0 / 16, source, 2), 10, 1e-12);
  // The best scalar quantizer of 4 levels for a normal source has an error of 0.1175 (Max 1960): 2.74 dB at 2 bits.
  EXPECT_NEAR(*rate_distortion_db(0.1175, source, 2), 2.742, 1e-3);
}

TEST(RateDistortion, NoDistanceWithoutErrorOrWeights) {
  const std::vector<GaussianSource> source{{64, 1.0}}, zero{{64, 0.0}};
  EXPECT_FALSE(rate_distortion_db(0, source, 32));
  EXPECT_FALSE(rate_distortion_db(0, zero, 4));
  EXPECT_FALSE(rate_distortion_db(1, zero, 4));
  EXPECT_FALSE(rate_distortion_db(1, {}, 4));
}

}  // namespace
}  // namespace quantbench
