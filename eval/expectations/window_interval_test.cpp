#include "eval/expectations/window_interval.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

TEST(WindowInterval, QuantilesAreThoseOfTables) {
  // Student's t, 97.5 %, from a printed table.
  EXPECT_NEAR(student_quantile(7), 2.365, 0.0015);
  EXPECT_NEAR(student_quantile(10), 2.228, 0.001);
  EXPECT_NEAR(student_quantile(30), 2.042, 0.001);
  EXPECT_NEAR(student_quantile(120), 1.980, 0.001);
  EXPECT_NEAR(student_quantile(1'000'000), 1.959964, 1e-5);
}

// Eight windows of two tokens whose mean differences are 1, 2, 1, 2 ...: mean 1.5, s = sqrt(8 * 0.25 / 7).
TEST(WindowInterval, IsOverWindowsAndNotOverTokens) {
  std::vector<float> a(16, 0.0F), b;
  for (int window = 0; window < 8; ++window) {
    const float mean = window % 2 == 0 ? 1.0F : 2.0F;
    b.insert(b.end(), {mean - 10, mean + 10});  // what tokens of a window differ by does not count
  }
  const WindowInterval interval = window_interval(a, b, 2);
  EXPECT_DOUBLE_EQ(interval.mean, 1.5);
  const double half = 2.3646 * 0.534522 / 2.828427;
  EXPECT_NEAR(interval.upper - interval.mean, half, 1e-3);
  EXPECT_NEAR(interval.mean - interval.lower, half, 1e-3);
}

TEST(WindowInterval, RefusesWhatIsNotTheSameWindows) {
  const std::vector<float> tokens(16), fewer(14);
  EXPECT_THROW(window_interval(tokens, fewer, 2), Error);
  EXPECT_THROW(window_interval(tokens, tokens, 3), Error);
  EXPECT_THROW(window_interval(tokens, tokens, 4), Error);  // four windows
  EXPECT_THROW(window_interval(tokens, tokens, 0), Error);
  EXPECT_EQ(window_interval(tokens, tokens, 2).upper, 0);
}

}  // namespace
}  // namespace quantbench
