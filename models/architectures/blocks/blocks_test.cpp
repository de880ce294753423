#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "models/architectures/blocks/rms_norm.h"
#include "models/architectures/blocks/rope.h"
#include "models/architectures/blocks/softmax.h"
#include "models/architectures/blocks/swiglu.h"

namespace quantbench {
namespace {

std::vector<float> wave(std::size_t count, double step, double height) {
  std::vector<float> values(count);
  for (std::size_t index = 0; index < count; ++index)
    values[index] = static_cast<float>(height * std::sin(step * static_cast<double>(index)));
  return values;
}

TEST(Softmax, EqualsTheDefinitionAndZeroesTheMaskedRest) {
  for (const std::size_t valid : {1u, 5u, 16u, 33u, 48u}) {
    std::vector<float> row = wave(48, 0.7, 9);
    const std::vector<float> scores = row;
    const float sum = softmax_numerators(row, valid, 0.5f);
    const double most = *std::max_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(valid));
    double expected_sum = 0;
    for (std::size_t index = 0; index < row.size(); ++index) {
      const double expected = index < valid ? std::exp(0.5 * (static_cast<double>(scores[index]) - most)) : 0;
      EXPECT_NEAR(row[index], expected, 3e-7);
      expected_sum += expected;
    }
    EXPECT_NEAR(sum, expected_sum, 3e-6);
  }
}

TEST(Softmax, LargeScoresDoNotOverflow) {
  std::vector<float> row(16, 3e38f);
  row[3] = -3e38f;
  EXPECT_EQ(softmax_numerators(row, 16, 1), 15.0f);
  EXPECT_EQ(row[3], 0.0f);
}

TEST(Softmax, EveryIsaGivesTheSameBits) {
  std::vector<float> expected = wave(160, 0.31, 20);
  const float expected_sum = softmax_numerators(expected, 151, 0.3f, Isa::scalar);
  for (const Isa isa : available_isas()) {
    std::vector<float> row = wave(160, 0.31, 20);
    EXPECT_EQ(softmax_numerators(row, 151, 0.3f, isa), expected_sum) << to_string(isa);
    EXPECT_EQ(row, expected) << to_string(isa);
  }
}

TEST(Swiglu, EqualsTheDefinitionOnEveryIsaAndThreadCount) {
  const std::vector<float> gate = wave(40003, 0.013, 60), up = wave(40003, 0.7, 2);
  std::vector<float> expected = gate;
  swiglu(expected, up, 1, Isa::scalar);
  for (std::size_t index = 0; index < gate.size(); ++index) {
    const double x = gate[index];
    ASSERT_NEAR(expected[index], x / (1 + std::exp(-x)) * static_cast<double>(up[index]), 1e-5);
  }
  for (const Isa isa : available_isas())
    for (const int threads : {1, 2, 5}) {
      std::vector<float> result = gate;
      swiglu(result, up, threads, isa);
      EXPECT_EQ(result, expected) << to_string(isa) << ", " << threads << " threads";
    }
}

TEST(Swiglu, ExtremeGates) {
  std::vector<float> gate = {-1e30f, 1e30f, -200, 200, 0};
  const std::vector<float> up(5, 1.0f);
  swiglu(gate, up, 1);
  EXPECT_EQ(gate, (std::vector<float>{0, 1e30f, 0, 200, 0}));
}

TEST(RmsNorm, ByHand) {
  const std::vector<float> input = {3, 4, 0, 0, 0, 0, 0, 0, 0};  // mean of squares 25 / 9
  const std::vector<float> weight = {1, 2, 1, 1, 1, 1, 1, 1, 1};
  std::vector<float> output(9);
  rms_norm({input, 1, 9}, {weight, 0}, 1, output);
  EXPECT_FLOAT_EQ(output[0], 3.0f * 3 / 5);
  EXPECT_FLOAT_EQ(output[1], 2.0f * 4 * 3 / 5);
  rms_norm({input, 1, 9}, {weight, 0.25f}, 1, output);
  EXPECT_FLOAT_EQ(output[0], static_cast<float>(3 / std::sqrt(25.0 / 9 + 0.25)));
}

TEST(Rope, TurnsInterleavedPairs) {
  const RopeParameters rope{.head_size = 4, .base = 100, .linear_factor = 2};
  const Matrix rotations = rope_rotations(rope, 3);
  Matrix values(6, 8);  // two windows, two heads
  std::iota(values.values().begin(), values.values().end(), 1.0f);
  const Matrix before = values;
  apply_rope(values, rotations, 2);
  for (std::size_t row = 0; row < 6; ++row)
    for (std::size_t first = 0; first < 8; first += 2) {
      const double position = static_cast<double>(row % 3) / 2;
      const double angle = first % 4 == 0 ? position : position / 10;  // 100^(-2/4) = 1/10
      const double x = before.row(row)[first], y = before.row(row)[first + 1];
      EXPECT_NEAR(values.row(row)[first], x * std::cos(angle) - y * std::sin(angle), 1e-5);
      EXPECT_NEAR(values.row(row)[first + 1], x * std::sin(angle) + y * std::cos(angle), 1e-5);
    }
}

}  // namespace
}  // namespace quantbench
