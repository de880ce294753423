// The solver rtn: golden hashes, hand-computed groups, and an exhaustive check that every level is the nearest one.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "core/file.h"
#include "core/half.h"
#include "core/hash.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/encode";

std::vector<float> decode_all(const Tensor& tensor) {
  std::vector<float> out(tensor.weights());
  for (std::size_t row = 0; row < tensor.rows; ++row)
    tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0,
                          std::span(out).subspan(row * tensor.cols, tensor.cols));
  return out;
}

std::vector<float> round_trip(const char* method, const std::vector<float>& weights, std::size_t rows = 1) {
  return decode_all(quantize_tensor(parse_method(method), "w", {weights, rows, weights.size() / rows}, {}, 1).view());
}

std::vector<float> gaussian(std::size_t count) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> weights(count);
  for (float& weight : weights) weight = normal(random);
  return weights;
}

TEST(RoundToNearest, GgufFormatsHaveTheBytesOfTheReference) {
  const auto reference = nlohmann::json::parse(read_text(golden / "reference.json"));
  const std::size_t rows = reference["rows"], cols = reference["cols"];
  int compared = 0;
  for (const auto& result : reference["results"]) {
    const auto tensor = result["tensor"].get<std::string>(), type = result["type"].get<std::string>();
    const auto format = find_gguf_format(result["type_id"].get<std::uint32_t>());
    if (result["importance"].get<bool>() || format == nullptr || format->encode_reference == nullptr) continue;
    ++compared;
    const MappedFile file(golden / (tensor + ".f32"));
    std::vector<float> weights(rows * cols);
    ASSERT_EQ(file.bytes().size(), weights.size() * sizeof(float));
    std::memcpy(weights.data(), file.bytes().data(), file.bytes().size());
    const Method method = parse_method(type.ends_with("f16") ? type : "rtn:" + type);
    const TensorData quantized = quantize_tensor(method, tensor, {weights, rows, cols}, {}, 3);
    EXPECT_EQ(sha256(quantized.view().bytes), result["sha256"].get<std::string>()) << result;
    EXPECT_EQ(quantized.view().format->bits_per_weight(rows, cols), result["bpw"].get<double>());
    const auto decoded = decode_all(quantized.view());
    double error = 0, power = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      error += std::pow(static_cast<double>(weights[i]) - decoded[i], 2);
      power += std::pow(static_cast<double>(weights[i]), 2);
    }
    EXPECT_NEAR(std::sqrt(error / power), result["rel_rmse"].get<double>(), 1e-8) << result;
  }
  EXPECT_EQ(compared, 3 * 13);
}

// By hand: absmax 7, 4 bits: scale 7/7 = 1, halves to even.
TEST(RoundToNearest, AbsmaxByHand) {
  EXPECT_EQ(round_trip("absmax:int4:row", {-7, 3.4f, 0.5f, 1.5f, -2.6f, 0}), (std::vector<float>{-7, 3, 0, 2, -3, 0}));
  EXPECT_EQ(round_trip("absmax:int8:g2", {127, -63.5f, 254, 3}), (std::vector<float>{127, -64, 254, 4}));
}

TEST(RoundToNearest, AbsmaxOfTwoBitsIsTernary) {
  EXPECT_EQ(round_trip("absmax:int2:row", {-2, -0.9f, 0.9f, 1.1f, 2}), (std::vector<float>{-2, 0, 0, 2, 2}));
}

// By hand: range -1..2 in 3 steps: scale 1, zero point at the second level; a positive range is widened to hold 0.
TEST(RoundToNearest, ZeroPointByHand) {
  EXPECT_EQ(round_trip("zero_point:int2:row", {-1, 0, 0.4f, 1.2f, 2}), (std::vector<float>{-1, 0, 0, 1, 2}));
  EXPECT_EQ(round_trip("zero_point:int2:row", {3, 1.4f, 2.1f}), (std::vector<float>{3, 1, 2}));
  EXPECT_EQ(round_trip("zero_point:int2:row", {-3, -1.4f, -2.1f}), (std::vector<float>{-3, -1, -2}));
}

TEST(RoundToNearest, GranularityDecidesWhoSharesAScale) {
  const std::vector<float> weights = {7, 1, 70, 10, 0.7f, 0.1f, 0.07f, 0.01f};
  EXPECT_EQ(round_trip("absmax:int4:tensor", weights, 2), (std::vector<float>{10, 0, 70, 10, 0, 0, 0, 0}));
  const auto rows = round_trip("absmax:int4:row:scale=f32", weights, 2);
  EXPECT_EQ(std::vector<float>(rows.begin(), rows.begin() + 4), (std::vector<float>{10, 0, 70, 10}));
  EXPECT_FLOAT_EQ(rows[4], 0.7f);
  EXPECT_FLOAT_EQ(rows[5], 0.1f);
  EXPECT_FLOAT_EQ(rows[6], 0.1f);
  const auto groups = round_trip("absmax:int4:g2:scale=f32", weights, 2);
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_FLOAT_EQ(groups[i], weights[i]);
}

TEST(RoundToNearest, TheScaleThatIsStoredDecidesTheLevels) {
  // absmax / 7 = 1 + 2^-11 - 2^-16 is stored as 1 in binary16; 3.5009 is above the half between 3 and 4 of that grid,
  // and below it (3.5017) on the grid of the scale before rounding.
  const float absmax = 7 * (1 + 0x1p-11f - 0x1p-16f);
  EXPECT_EQ(round_trip("absmax:int4:row", {absmax, 3.5009f}), (std::vector<float>{7, 4}));
  EXPECT_NE(round_trip("absmax:int4:row:scale=f32", {absmax, 3.5009f})[1], 4.0f);
}

TEST(RoundToNearest, TheZeroPointIsRoundedWithTheStoredScale) {
  const std::size_t groups = 2000;
  const auto weights = gaussian(groups * 32);
  const TensorData data = quantize_tensor(parse_method("zero_point:int8:g32"), "w", {weights, 1, groups * 32}, {}, 1);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::byte* stored = data.view().bytes.data() + group * (2 + 1 + 32);
    std::uint16_t half;
    std::memcpy(&half, stored, 2);
    const double smallest = *std::min_element(weights.begin() + static_cast<std::ptrdiff_t>(group * 32),
                                              weights.begin() + static_cast<std::ptrdiff_t>(group * 32 + 32));
    const double exact = -128 - std::min(smallest, 0.0) / f16_to_f32(half);
    EXPECT_NEAR(static_cast<std::int8_t>(stored[2]), exact, 0.5001) << group;
  }
}

TEST(RoundToNearest, ScalesWithoutAnInverseStoreZeros) {
  std::vector<float> weights(32);
  weights[5] = 1e-39f;  // 1 / (1e-39 / 8) overflows
  const TensorData data = quantize_tensor(parse_method("rtn:q4_0"), "w", {weights, 1, 32}, {}, 1);
  for (std::size_t i = 2; i < 18; ++i) EXPECT_EQ(data.view().bytes[i], std::byte{0x88});
  for (const float weight : decode_all(data.view())) EXPECT_EQ(weight, 0);
}

TEST(RoundToNearest, ScalesAtTheEndsOfBinary16) {
  EXPECT_EQ(round_trip("absmax:int4:row", {1e-7f, -0x1p-23f})[1], -0x1p-23f);
  EXPECT_EQ(round_trip("absmax:int4:row", {1e9f, -1e9f, 65504}),
            (std::vector<float>{7 * 65504.0f, -7 * 65504.0f, 65504}));
  EXPECT_EQ(round_trip("absmax:int8:row", {1e-20f, 0}), (std::vector<float>{0, 0}));
}

/// Whether some level of the stored affine is nearer to the weight than what was stored.
void expect_nearest_levels(const std::string& id) {
  const auto weights = gaussian(3 * 147);
  const TensorData data = quantize_tensor(parse_method(id), "w", {weights, 3, 147}, {}, 1);
  const Format& format = *data.view().format;
  const auto decoded = decode_all(data.view());
  const std::size_t group = format.group == 0 ? 147 : format.group;
  const int lowest = format.has_offset ? format.level_min : -format.level_max;
  for (std::size_t row = 0; row < 3; ++row) {
    const auto groups = format.groups_of_row(147);
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t begin = row * 147 + g * group, end = std::min(begin + group, (row + 1) * 147);
      // The step is the smallest distance between two different stored values; every value is a multiple of it.
      float step = INFINITY;
      for (std::size_t i = begin; i < end; ++i)
        if (decoded[i] != 0) step = std::min(step, std::fabs(decoded[i]));
      if (!std::isfinite(step)) continue;
      for (std::size_t i = begin; i < end; ++i)
        for (int level = lowest; level <= format.level_max; ++level) {
          const float other = step * static_cast<float>(level);
          const auto [low, high] = std::minmax_element(decoded.begin() + static_cast<std::ptrdiff_t>(begin),
                                                       decoded.begin() + static_cast<std::ptrdiff_t>(end));
          if (other < *low || other > *high) continue;
          ASSERT_LE(std::fabs(decoded[i] - weights[i]), std::fabs(other - weights[i]) + 1e-5f) << id << " weight " << i;
        }
    }
  }
}

TEST(RoundToNearest, EveryLevelIsTheNearest) {
  for (const char* alias : {"absmax", "zero_point"})
    for (const char* rest : {"int2:g64", "int3:g50", "int4:row", "int5:g147:scale=f32", "int8:row"})
      expect_nearest_levels(std::string(alias) + ":" + rest);
}

TEST(RoundToNearest, QuantizingAgainChangesNothing) {
  const auto weights = gaussian(4 * 256);
  for (const char* id : {"absmax:int2:g64", "absmax:int3:g100", "absmax:int4:row", "absmax:int8:tensor",
                         "absmax:int5:g128", "rtn:q4_0", "rtn:q5_0", "rtn:q8_0", "f16", "bf16", "f32", "absmax:nf4:g64",
                         "absmax:fp4:row", "absmax:nf4:tensor", "absmax:fp8_e4m3:row", "absmax:fp8_e5m2:g100"}) {
    const MatrixView view{weights, 4, 256};
    const TensorData once = quantize_tensor(parse_method(id), "w", view, {}, 1);
    const auto decoded = decode_all(once.view());
    const TensorData twice = quantize_tensor(parse_method(id), "w", {decoded, 4, 256}, {}, 1);
    EXPECT_TRUE(std::ranges::equal(once.view().bytes, twice.view().bytes)) << id;
  }
}

TEST(RoundToNearest, ConstantRowsAreMetToTheScalesPrecision) {
  for (const std::string& id : example_methods()) {
    const Method method = parse_method(id);
    if (method.solver != "rtn" || !method.transforms.empty()) continue;
    if (method.target == "mxfp4" || method.target == "nvfp4") continue;  // scales of 0 and 3 bits after the point
    for (const float value : {0.37f, -0.37f}) {
      const std::vector<float> weights(256, value);
      for (const float decoded : round_trip(id.c_str(), weights)) ASSERT_NEAR(decoded, value, 0.37f * 0x1p-10f) << id;
    }
  }
}

TEST(RoundToNearest, MoreBitsAreNeverWorse) {
  const auto weights = gaussian(8 * 256);
  for (const char* alias : {"absmax", "zero_point"}) {
    double last = INFINITY;
    for (int bits = 2; bits <= 8; ++bits) {
      const auto decoded = round_trip(fmt::format("{}:int{}:g64", alias, bits).c_str(), weights, 8);
      double error = 0;
      for (std::size_t i = 0; i < weights.size(); ++i) error += std::pow(weights[i] - decoded[i], 2.0);
      EXPECT_LT(error, last) << alias << bits;
      last = error;
    }
  }
}

TEST(RoundToNearest, HasNoOptionsAndNoFloatingPointFormats) {
  const auto& solver = *Registry<SolverEntry>::instance().at("rtn").solver;
  EXPECT_THROW(solver.check(*find_format("q4_0"), {{"mse", ""}}), Error);
  EXPECT_THROW(solver.check(*find_format("f16"), {}), Error);
  EXPECT_NO_THROW(solver.check(*find_format("int4:g128"), {}));
}

}  // namespace
}  // namespace quantbench
