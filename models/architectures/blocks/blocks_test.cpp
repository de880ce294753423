#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "models/architectures/blocks/activation.h"
#include "models/architectures/blocks/attention.h"
#include "models/architectures/blocks/layer_norm.h"
#include "models/architectures/blocks/rms_norm.h"
#include "models/architectures/blocks/rope.h"
#include "models/architectures/blocks/soft_cap.h"
#include "models/architectures/blocks/softmax.h"

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
  activate_gated(expected, up, Activation::silu, 1, Isa::scalar);
  for (std::size_t index = 0; index < gate.size(); ++index) {
    const double x = gate[index];
    ASSERT_NEAR(expected[index], x / (1 + std::exp(-x)) * static_cast<double>(up[index]), 1e-5);
  }
  for (const Isa isa : available_isas())
    for (const int threads : {1, 2, 5}) {
      std::vector<float> result = gate;
      activate_gated(result, up, Activation::silu, threads, isa);
      EXPECT_EQ(result, expected) << to_string(isa) << ", " << threads << " threads";
    }
}

TEST(Swiglu, ExtremeGates) {
  std::vector<float> gate = {-1e30f, 1e30f, -200, 200, 0};
  const std::vector<float> up(5, 1.0f);
  activate_gated(gate, up, Activation::silu, 1);
  EXPECT_EQ(gate, (std::vector<float>{0, 1e30f, 0, 200, 0}));
}

double reference(Activation activation, double x) {
  switch (activation) {
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_tanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
  }
  return 0;
}

TEST(Activation, EqualsTheDefinitionOnEveryIsaAndThreadCount) {
  for (const Activation activation : {Activation::relu, Activation::silu, Activation::gelu, Activation::gelu_tanh}) {
    const std::vector<float> values = wave(40003, 0.013, 12);
    std::vector<float> expected = values;
    activate(expected, activation, 1, Isa::scalar);
    for (std::size_t index = 0; index < values.size(); ++index)
      ASSERT_NEAR(expected[index], reference(activation, values[index]), 3e-6);
    for (const Isa isa : available_isas())
      for (const int threads : {1, 5}) {
        std::vector<float> result = values;
        activate(result, activation, threads, isa);
        EXPECT_EQ(result, expected) << to_string(isa) << ", " << threads << " threads";
      }
  }
}

TEST(SoftCap, EqualsTheDefinitionOnEveryIsa) {
  const std::vector<float> values = wave(1003, 0.13, 300);
  std::vector<float> expected = values;
  soft_cap(expected, 30, 0.5f, Isa::scalar);
  for (std::size_t index = 0; index < values.size(); ++index)
    ASSERT_NEAR(expected[index], 30 * std::tanh(0.5 * static_cast<double>(values[index]) / 30), 30 * 2e-7);
  for (const Isa isa : available_isas()) {
    std::vector<float> result = values;
    soft_cap(result, 30, 0.5f, isa);
    EXPECT_EQ(result, expected) << to_string(isa);
  }
}

TEST(LayerNorm, ByHand) {
  const std::vector<float> input = {1, 2, 3, 6};  // mean 3, variance 3.5
  const std::vector<float> weight = {1, 1, 2, 1}, bias = {0, 0.5f, 0, 1};
  std::vector<float> output(4);
  layer_norm({input, 1, 4}, {weight, bias, 0.5f}, 1, output);
  EXPECT_FLOAT_EQ(output[0], -1);
  EXPECT_FLOAT_EQ(output[1], -0.5f + 0.5f);
  EXPECT_FLOAT_EQ(output[2], 0);
  EXPECT_FLOAT_EQ(output[3], 1.5f + 1);
  layer_norm({input, 1, 4}, {weight, {}, 0.5f}, 1, output);
  EXPECT_FLOAT_EQ(output[3], 1.5f);
}

TEST(Alibi, SlopesOfThePaper) {
  EXPECT_THAT(alibi_slopes(8), testing::Pointwise(testing::FloatEq(), {0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f,
                                                                       0.015625f, 0.0078125f, 0.00390625f}));
  // 6 heads: the four of n = 4, then the first and third of n = 8.
  EXPECT_THAT(alibi_slopes(6),
              testing::Pointwise(testing::FloatEq(), {0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f}));
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
  apply_rope(values, rope, rotations, 2);
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
