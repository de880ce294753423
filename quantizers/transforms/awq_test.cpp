// AWQ's scale search and clip search on a layer of 3 x 8 with a recorded trace, and by hand.
#include "quantizers/transforms/awq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/clip.h"
#include "quantizers/transforms/column_scales.h"
#include "quantizers/transforms/rounding.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

struct OwnedMatrix {
  std::vector<float> values;
  std::size_t rows = 0, cols = 0;

  explicit OwnedMatrix(const nlohmann::json& json) : rows(json.size()), cols(json.at(0).size()) {
    for (const auto& row : json)
      for (const auto& value : row) values.push_back(value.get<float>());
  }
  MatrixView view() const { return {values, rows, cols}; }
};

void expect_near(std::span<const float> found, std::span<const float> expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 2e-6f * std::fabs(expected[i])) << i;
}

class AwqTrace : public testing::Test {
 protected:
  std::vector<float> mean_absolute() const { return trace_.at("awq").at("mean_abs_x").get<std::vector<float>>(); }

  double mean_square_of_output_difference(MatrixView other) const {
    double sum = 0;
    for (std::size_t token = 0; token < x_.rows; ++token)
      for (std::size_t row = 0; row < w_.rows; ++row) {
        double product = 0;
        for (std::size_t col = 0; col < w_.cols; ++col)
          product += static_cast<double>(x_.view().row(token)[col]) *
                     static_cast<double>(w_.view().row(row)[col] - other.row(row)[col]);
        sum += product * product;
      }
    return sum / static_cast<double>(x_.rows * w_.rows);
  }

  ScalingChoice choose(const std::map<std::string, std::string>& options) const {
    const std::vector<float> mean = mean_absolute();
    return Registry<TransformEntry>::instance().at("awq").scaling->choose(
        {.layers = {w_.view()},
         .rounding = {rounding_},
         .calibration = {.mean_absolute = mean},
         .loss = [&](std::span<const MatrixView> weights) { return mean_square_of_output_difference(weights[0]); },
         .options = options,
         .threads = 1});
  }

  const nlohmann::json trace_ =
      nlohmann::json::parse(read_text(std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/gptq/tiny_trace.json"));
  const OwnedMatrix w_{trace_.at("W")}, x_{trace_.at("X")};
  const Method rounding_ = search_rounding(*find_format("int3:g4:scale=f32"));
};

TEST_F(AwqTrace, GridOfEveryGroup) {
  const auto& plain = trace_.at("awq").at("plain_quantizer");
  const OwnedMatrix scales(plain.at("scale")), zeros(plain.at("zero"));
  const TensorData packed = quantize_tensor(rounding_, "w", w_.view(), {}, 1);
  const Format& format = *packed.view().format;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t group = 0; group < 2; ++group) {
      const std::byte* stored =
          packed.view().row(row).row + group * (4 + 1 + 2);  // scale, zero point, 4 codes of 3 bits
      float scale;
      std::memcpy(&scale, stored, sizeof scale);
      EXPECT_EQ(scale, scales.view().row(row)[group]);
      EXPECT_EQ(static_cast<float>(static_cast<std::int8_t>(stored[4]) - format.level_min),
                zeros.view().row(row)[group]);
    }
  expect_near(rounded(rounding_, w_.view(), {}, 1), OwnedMatrix(plain.at("W_hat")).values);
}

TEST_F(AwqTrace, LossOfEveryExponent) {
  const auto& alphas = trace_.at("awq").at("alphas");
  const ScalingChoice choice = choose({});
  ASSERT_EQ(choice.losses.size(), alphas.size());
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    EXPECT_DOUBLE_EQ(awq_exponents()[i], alphas[i].at("alpha").get<double>());
    const double loss = alphas[i].at("loss");
    EXPECT_NEAR(choice.losses[i], loss, 1e-5 * loss) << i;
    if (!alphas[i].contains("s")) continue;
    const std::vector<float> scales = awq_scales(mean_absolute(), awq_exponents()[i]);
    expect_near(scales, alphas[i].at("s").get<std::vector<float>>());
    std::vector<float> weights = w_.values;
    multiply_columns(weights, scales);
    weights = rounded(rounding_, {weights, w_.rows, w_.cols}, {}, 1);
    divide_columns(weights, scales);
    expect_near(weights, OwnedMatrix(alphas[i].at("W_hat")).values);
  }
  EXPECT_EQ(choice.alpha, 0.4);
  EXPECT_EQ(choice.scales, awq_scales(mean_absolute(), 0.4));
}

TEST_F(AwqTrace, FixedExponentIsNotSearched) {
  const ScalingChoice choice = choose({{"alpha", "0.5"}});
  EXPECT_EQ(choice.losses.size(), 1u);
  EXPECT_EQ(choice.scales, awq_scales(mean_absolute(), 0.5));
}

TEST_F(AwqTrace, ClipLimits) {
  const std::vector<float> sample = sampled_tokens(x_.view(), 12);
  ASSERT_EQ(sample.size(), 12u * 8u);
  for (const int threads : {1, 3}) {
    const std::vector<float> limits =
        search_clip({.weights = w_.view(), .rounding = rounding_, .inputs = {sample, 12, 8}, .threads = threads});
    expect_near(limits, OwnedMatrix(trace_.at("awq").at("clip_max_on_unscaled_W_with_n_sample_token_12")).values);
  }
}

// By hand: |w| over the largest of its group of 2; means over the rows 1, 0.5 | 0.5, 1.
TEST(AwqScales, DuoByHand) {
  const std::vector<float> weights = {2, -1, 0, 4, -3, 1.5f, 5, -5};
  const MatrixView layer{weights, 2, 4};
  const std::vector<float> relative = mean_relative_weight(std::span(&layer, 1), 2);
  expect_near(relative, std::vector<float>{1, 0.5f, 0.5f, 1});
  // alpha 0.5: sqrt(x / w) but for the 1e-4 beside sqrt(w); then over sqrt(largest * smallest).
  const std::vector<float> scales = awq_duo_scales(std::vector<float>{4, 2, 8, 1}, relative, 0.5);
  const std::vector<double> raw = {2 / 1.0001, std::sqrt(2) / (std::sqrt(0.5) + 1e-4),
                                   std::sqrt(8) / (std::sqrt(0.5) + 1e-4), 1 / 1.0001};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(scales[i], raw[i] / std::sqrt(raw[2] * raw[3]), 1e-6);
}

TEST(AwqScales, ColumnsWithoutInputGetTheSmallestScale) {
  const std::vector<float> scales = awq_scales(std::vector<float>{0, 1, 100}, 0.5);
  EXPECT_NEAR(scales[1] / scales[0], 1e4, 1);
  EXPECT_NEAR(scales[2] / scales[1], 10, 1e-5);
  EXPECT_NEAR(scales[0] * scales[2], 1, 1e-6);
  EXPECT_EQ(awq_scales(std::vector<float>{0, 1, 100}, 0), std::vector<float>(3, 1.0f));
}

TEST(ColumnScales, StatisticsOfScaledInputsAreThoseOfTheInputsScaled) {
  const std::vector<float> scales = {2, 0.5f}, square = {4, 1}, absolute = {2, 1}, moments = {8, 2, 2, 2},
                           cross = {1, 2, 3, 4};
  const ScaledCalibration scaled(
      {.mean_square = square, .mean_absolute = absolute, .second_moments = moments, .cross_moments = cross}, scales);
  const LayerCalibration view = scaled.view();
  expect_near(view.mean_square, std::vector<float>{1, 4});
  expect_near(view.mean_absolute, std::vector<float>{1, 2});
  expect_near(view.second_moments, std::vector<float>{2, 2, 2, 8});
  expect_near(view.cross_moments, std::vector<float>{0.25f, 2, 3, 16});
  EXPECT_TRUE(view.max_absolute.empty());
}

TEST(SearchRounding, IsPlainWhereTheFormatHasItAndElseFastSearch) {
  const std::vector<std::pair<const char*, const char*>> table = {{"int3:g128", "zero_point:int3:g128:grid=spread"},
                                                                  {"int3:g128:sym", "absmax:int3:g128"},
                                                                  {"int8:tensor", "zero_point:int8:tensor"},
                                                                  {"q4_1", "rtn:q4_1"},
                                                                  {"q4_k", "q4_k:effort=fast"},
                                                                  {"iq2_xs", "iq2_xs:effort=fast"},
                                                                  {"f16", "f16"}};
  for (const auto& [format, method] : table) EXPECT_EQ(to_string(search_rounding(*find_format(format))), method);
}

}  // namespace
}  // namespace quantbench
