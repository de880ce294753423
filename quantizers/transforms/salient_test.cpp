#include "quantizers/transforms/salient.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "quantizers/transforms/quantize_transformed.h"
#include "quantizers/transforms/rounding.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

using Columns = std::vector<std::size_t>;

const std::vector<float> weights = {1, -8, 2, 0.1f, 3, 1, -9, 0.3f};  // (2, 4)
const std::vector<float> mean_absolute = {4, 1, 2, 3};
const MatrixView matrix{weights, 2, 4};

Columns kept(const char* method) {
  return kept_columns(parse_method(method), "w", matrix, {.mean_absolute = mean_absolute});
}

TEST(Salient, ColumnsOfLargestFigures) {
  EXPECT_EQ(kept("salient:int2:g4:keep=25"), (Columns{0}));
  EXPECT_EQ(kept("salient:int2:g4:keep=50"), (Columns{0, 3}));
  EXPECT_EQ(kept("salient:int2:g4:keep=50:by=weight"), (Columns{1, 2}));
  EXPECT_EQ(kept("salient:int2:g4"), (Columns{0})) << "at least one";
  EXPECT_EQ(kept("zero_point:int2:g4"), Columns{});
  EXPECT_THROW(kept_columns(parse_method("salient:int2:g4"), "w", matrix, {}), Error);
}

TEST(Salient, RandomColumnsDependOnSeedAndTensorOnly) {
  const std::vector<float> many(1000);
  const auto random = [&](const char* options, const char* name) {
    return kept_columns(parse_method(std::string("salient:int2:g4:by=random:keep=2") + options), name, {many, 1, 1000},
                        {});
  };
  EXPECT_EQ(random("", "a").size(), 20u);
  EXPECT_EQ(random("", "a"), random(":seed=0", "a"));
  EXPECT_NE(random("", "a"), random(":seed=1", "a"));
  EXPECT_NE(random("", "a"), random("", "b"));
}

TEST(Salient, KeptColumnsAreTheWeightsInHalf) {
  const Method method = parse_method("salient:int2:g4:keep=25:by=weight");
  EXPECT_EQ(kept(to_string(method).c_str()), (Columns{2}));
  const TensorData result = quantize_transformed(method, "w", matrix, {}, 1);
  const TensorData plain = quantize_tensor(without_transforms(method), "w", matrix, {}, 1);
  std::vector<float> expected = decoded(plain.view(), 1);
  expected[2] = 2;
  expected[6] = -9;
  EXPECT_EQ(decoded(result.view(), 1), expected);
}

// By hand: column 2 (2, -9) times 2 is (4, -18); the range of row 0 is -8..4, of row 1 -18..1.
TEST(Salient, ScaledColumnsAreRoundedWithTheOthers) {
  const Method method = parse_method("salient:int2:g4:keep=25:by=weight:times=2");
  EXPECT_EQ(to_string(parse_method(to_string(method))), to_string(method));
  const std::vector<float> scaled = {1, -8, 4, 0.1f, 3, 1, -18, 0.3f};
  const TensorData plain = quantize_tensor(without_transforms(method), "w", {scaled, 2, 4}, {}, 1);
  std::vector<float> expected = decoded(plain.view(), 1);
  expected[2] /= 2;
  expected[6] /= 2;
  EXPECT_EQ(decoded(quantize_transformed(method, "w", matrix, {}, 1).view(), 1), expected);
  EXPECT_EQ(stored_bytes(parse_method("salient:int3:g128:keep=3:times=2"), 10, 128), 510u + 4 * 4);
  EXPECT_THROW(check_method(parse_method("salient:int2:g4:times=0.5")), Error);
  EXPECT_THROW(check_method(parse_method("salient+gptq:int2:g4:times=2")), Error);
}

// 4 columns of 128 at 3 bits: each group of a row 2 + 1 + 48 bytes; each kept column 2 bytes a row and 4 for its index.
TEST(Salient, CountsWhatItKeeps) {
  EXPECT_EQ(stored_bytes(parse_method("zero_point:int3:g128"), 10, 128), 510u);
  EXPECT_EQ(stored_bytes(parse_method("salient:int3:g128:keep=3"), 10, 128), 510u + 4 * (20 + 4));
}

// By hand: max |w| 3, 8, 9, 0.3; s = sqrt(max |x| / max |w|).
TEST(SmoothQuant, ScalesByHand) {
  const std::vector<float> largest = {12, 2, 9, 0.3f};
  ScalingInput input{.layers = {matrix},
                     .rounding = {},
                     .calibration = {.max_absolute = largest},
                     .loss = {},
                     .options = {},
                     .threads = 1};
  const InputScaling& scaling = *Registry<TransformEntry>::instance().at("smoothquant").scaling;
  const std::vector<float> scales = scaling.choose(input).scales;
  const std::vector<float> expected = {2, 0.5f, 1, 1};
  for (std::size_t col = 0; col < 4; ++col) EXPECT_NEAR(scales[col], expected[col], 1e-6f);
  input.calibration = {};
  EXPECT_THROW(scaling.choose(input), Error);
}

}  // namespace
}  // namespace quantbench
