#include "eval/compare/block_bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

// A normal variable from the generator alone (Box and Muller): the same on every library.
double normal(std::mt19937_64& generator) {
  const auto uniform = [&] { return (static_cast<double>(generator() >> 11) + 0.5) * 0x1p-53; };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(6.283185307179586 * uniform());
}

/// Windows of a stationary text of mean 0: each is `alike` times the one before, plus noise. Skewed: exp of that, less its mean.
std::vector<double> windows_of_a_text(std::mt19937_64& generator, std::size_t count, double alike, bool skewed) {
  std::vector<double> windows;
  double state = normal(generator);
  for (std::size_t i = 0; i < count; ++i) {
    state = alike * state + std::sqrt(1 - alike * alike) * normal(generator);
    windows.push_back(skewed ? std::exp(state) - std::exp(0.5) : state);
  }
  return windows;
}

TEST(BlockBootstrap, BlocksGrowWithTheCubeRoot) {
  EXPECT_EQ(bootstrap_block(8), 2u);
  EXPECT_EQ(bootstrap_block(27), 3u);
  EXPECT_EQ(bootstrap_block(1000), 10u);
}

TEST(BlockBootstrap, EqualWindowsLeaveNoDoubt) {
  const BootstrapInterval interval = block_bootstrap(std::vector<double>(20, 0.25));
  EXPECT_EQ(interval.mean, 0.25);
  EXPECT_EQ(interval.lower, 0.25);
  EXPECT_EQ(interval.upper, 0.25);
}

/// All 8^4 resamples of eight windows in blocks of two, instead of some thousand of them.
TEST(BlockBootstrap, IsWhatTheEnumerationOfAllResamplesGives) {
  const std::vector<double> windows = {0.3, 0.1, -0.4, 0.9, 1.7, 0.2, -0.6, 0.5};
  double mean = 0, squares = 0;
  for (const double window : windows) mean += window / 8;
  std::vector<double> blocks;
  for (std::size_t i = 0; i < 8; ++i) blocks.push_back((windows[i] + windows[(i + 1) % 8]) / 2);
  for (const double block : blocks) squares += (block - mean) * (block - mean);
  const double error = std::sqrt(squares / (8 * 3));
  std::vector<double> t;
  for (std::size_t code = 0; code < 4096; ++code) {
    const double drawn[4] = {blocks[code % 8], blocks[code / 8 % 8], blocks[code / 64 % 8], blocks[code / 512]};
    double resampled = 0, own = 0;
    for (const double value : drawn) resampled += value / 4;
    for (const double value : drawn) own += (value - resampled) * (value - resampled);
    t.push_back((resampled - mean) / std::max(std::sqrt(own / 12), 0.1 * error));
  }
  std::ranges::sort(t);
  const BootstrapInterval interval = block_bootstrap(windows, {.confidence = 0.9, .resamples = 199999});
  EXPECT_NEAR(interval.mean, mean, 1e-15);
  // Between neighbouring order statistics of the enumeration, which lie as close as chance of 200 000 resamples reaches.
  EXPECT_GE(interval.lower, mean - t[static_cast<std::size_t>(0.953 * 4096)] * error);
  EXPECT_LE(interval.lower, mean - t[static_cast<std::size_t>(0.947 * 4096)] * error);
  EXPECT_GE(interval.upper, mean - t[static_cast<std::size_t>(0.053 * 4096)] * error);
  EXPECT_LE(interval.upper, mean - t[static_cast<std::size_t>(0.047 * 4096)] * error);
}

TEST(BlockBootstrap, FollowsShiftAndUnitAndNothingElse) {
  std::mt19937_64 generator(3);
  const std::vector<double> windows = windows_of_a_text(generator, 30, 0.3, true);
  std::vector<double> moved;
  for (const double window : windows) moved.push_back(4 * window + 16);
  const BootstrapInterval first = block_bootstrap(windows), again = block_bootstrap(windows);
  const BootstrapInterval second = block_bootstrap(moved);
  EXPECT_EQ(first.lower, again.lower);
  EXPECT_EQ(first.upper, again.upper);
  EXPECT_NEAR(second.lower, 4 * first.lower + 16, 1e-9);
  EXPECT_NEAR(second.upper, 4 * first.upper + 16, 1e-9);
  EXPECT_LT(block_bootstrap(windows, {.confidence = 0.99}).lower, first.lower);
}

TEST(BlockBootstrap, OneWindowThatDiffersLeavesAFiniteInterval) {
  std::vector<double> windows(40, 0.0);
  windows[7] = 1e-6;
  const BootstrapInterval interval = block_bootstrap(windows);
  EXPECT_LE(interval.lower, 0);
  EXPECT_GT(interval.upper, interval.mean);
  EXPECT_LT(interval.upper, 1e-6);
}

TEST(BlockBootstrap, RefusesTooFewWindowsAndImpossibleOptions) {
  EXPECT_THROW(block_bootstrap(std::vector<double>(7, 1.0)), Error);
  EXPECT_THROW(block_bootstrap(std::vector<double>(9, 1.0), {.confidence = 1}), Error);
  EXPECT_THROW(block_bootstrap(std::vector<double>(9, 1.0), {.resamples = 10}), Error);
}

struct TextKind {
  std::size_t windows;
  double alike;
  bool skewed;
  double least_coverage;       // of a nominal 95 %
  double most_false_failures;  // lower > 0 although the mean is 0; nominally 2.5 %
};

class BootstrapCoverage : public testing::TestWithParam<TextKind> {};

/// The bounds are what 600 simulated texts show, with three standard errors of that (0.027 and 0.02) for chance.
TEST_P(BootstrapCoverage, IsNearTheNominalOne) {
  const TextKind& kind = GetParam();
  constexpr int texts = 600;
  std::mt19937_64 generator(11);
  int covered = 0, false_failures = 0;
  for (int text = 0; text < texts; ++text) {
    const auto windows = windows_of_a_text(generator, kind.windows, kind.alike, kind.skewed);
    const BootstrapInterval interval = block_bootstrap(windows, {.resamples = 999});
    covered += interval.lower <= 0 && interval.upper >= 0 ? 1 : 0;
    false_failures += interval.lower > 0 ? 1 : 0;
  }
  EXPECT_GE(covered, kind.least_coverage * texts);
  EXPECT_LE(false_failures, kind.most_false_failures * texts);
}

INSTANTIATE_TEST_SUITE_P(OfTexts, BootstrapCoverage,
                         testing::Values(TextKind{8, 0, false, 0.94, 0.045}, TextKind{20, 0, false, 0.92, 0.045},
                                         TextKind{60, 0, false, 0.92, 0.045}, TextKind{20, 0.3, false, 0.89, 0.06},
                                         TextKind{60, 0.3, false, 0.89, 0.06}, TextKind{20, 0, true, 0.90, 0.03},
                                         TextKind{60, 0.3, true, 0.87, 0.045}));

}  // namespace
}  // namespace quantbench
