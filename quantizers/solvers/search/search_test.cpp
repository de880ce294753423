// The solver search against the reference encoder's figures, exhaustive enumeration, and itself on every instruction set.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "core/file.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"
#include "quantizers/solvers/search/encoders.h"
#include "quantizers/solvers/search/exhaustive_for_tests.h"

namespace quantbench {
namespace {

const std::filesystem::path golden = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/formats/encode";

std::vector<float> read_floats(const std::string& name) {
  const MappedFile file(golden / name);
  std::vector<float> values(file.bytes().size() / sizeof(float));
  std::memcpy(values.data(), file.bytes().data(), file.bytes().size());
  return values;
}

constexpr std::size_t golden_cols = 2048;

/// ||W - W'|| / ||W||, each square times the importance of its column when there is one.
double relative_error(const std::vector<float>& weights, const Tensor& tensor, std::span<const float> importance) {
  std::vector<float> decoded(tensor.cols);
  double error = 0, power = 0;
  for (std::size_t row = 0; row < tensor.rows; ++row) {
    tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0, decoded);
    for (std::size_t i = 0; i < tensor.cols; ++i) {
      const double weight = weights[row * tensor.cols + i], of_column = importance.empty() ? 1.0 : importance[i];
      error += of_column * (weight - decoded[i]) * (weight - decoded[i]);
      power += of_column * weight * weight;
    }
  }
  return std::sqrt(error / power);
}

double search_error(const std::string& method, const std::vector<float>& weights, std::span<const float> importance,
                    std::size_t cols) {
  LayerCalibration calibration;
  calibration.mean_square = importance;
  const TensorData data =
      quantize_tensor(parse_method(method), "w", {weights, weights.size() / cols, cols}, calibration, 2);
  return relative_error(weights, data.view(), importance);
}

/// Formats that the encoders of this folder write.
bool is_ours(const Format& format) { return search::writes_groups(format) || search::writes_blocks(format); }

TEST(Search, IsNeverWorseThanTheReferenceEncoder) {
  const auto reference = nlohmann::json::parse(read_text(golden / "reference.json"));
  const std::vector<float> importance = read_floats("importance.f32");
  double logarithms = 0;
  int compared = 0, averaged = 0;
  for (const std::string tensor : {"gauss", "student5", "outlier"}) {
    const std::vector<float> weights = read_floats(tensor + ".f32");
    for (const auto& result : reference["results"]) {
      const auto format = find_gguf_format(result["type_id"].get<std::uint32_t>());
      if (result["tensor"] != tensor || format == nullptr || !is_ours(*format)) continue;
      const bool weighted = result["importance"];
      const double error = search_error(format->id + ":imatrix=on", weights,
                                        weighted ? importance : std::span<const float>{}, golden_cols);
      const double ratio = error / result[weighted ? "rel_wrmse" : "rel_rmse"].get<double>();
      // Q1_0 leaves nothing to choose without importance: the reference stores the optimum too.
      EXPECT_LE(ratio, 1.000001) << format->id << " on " << tensor << (weighted ? ", weighted" : "");
      ++compared;
      const bool ternary_or_fp4 =
          format->id.starts_with("tq") || format->id.ends_with("fp4") || format->id == "q1_0" || format->id == "q2_0";
      if (ternary_or_fp4 || format->id == "q8_0") continue;
      logarithms += std::log(ratio);
      ++averaged;
    }
  }
  EXPECT_EQ(compared, 3 * 2 * 18);
  EXPECT_LE(std::exp(logarithms / averaged), 0.96);
}

std::vector<std::byte> encode_row(const Format& format, const SearchRow& row, Isa isa = best_isa()) {
  std::vector<std::byte> bytes(format.row_bytes(format, row.weights.size()));
  const MutableRowBytes out{nullptr, bytes.data()};
  if (search::writes_blocks(format))
    search::encode_blocks(format, row, out, isa);
  else
    search::encode_groups(format, row, out, isa);
  return bytes;
}

double error_of_row(const Format& format, const SearchRow& row, const std::vector<std::byte>& bytes) {
  std::vector<float> decoded(row.weights.size());
  format.decode(format, {nullptr, bytes.data()}, decoded.size(), 0, decoded);
  double error = 0;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const double rest = static_cast<double>(row.weights[i]) - decoded[i];
    error += row.importance[i] * rest * rest;
  }
  return error;
}

/// Weights of several shapes, among them constant, tiny, sparse and one-sided ones.
std::vector<std::vector<float>> sample_rows(std::size_t cols) {
  std::mt19937 random(23);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> rows;
  const auto add = [&](const auto& weight_of) {
    std::vector<float> row(cols);
    for (std::size_t i = 0; i < cols; ++i) row[i] = weight_of(i);
    rows.push_back(row);
  };
  add([&](std::size_t) { return 0.02f * normal(random); });
  add([&](std::size_t i) { return normal(random) * (i % 97 == 3 ? 20.0f : 1.0f); });
  add([&](std::size_t) { return 1.0f + 0.1f * normal(random); });
  add([&](std::size_t) { return -3.0f + 0.1f * normal(random); });
  add([&](std::size_t i) { return i % 11 == 0 ? normal(random) : 0.0f; });
  add([&](std::size_t) { return 1e-6f * normal(random); });
  add([&](std::size_t i) { return i < cols / 2 ? 0.0f : 1e4f * normal(random); });
  add([&](std::size_t) { return -0.37f; });
  return rows;
}

std::vector<float> sample_importance(std::size_t cols) {
  std::mt19937 random(29);
  std::lognormal_distribution<float> lognormal;
  std::vector<float> importance(cols);
  for (std::size_t i = 0; i < cols; ++i) importance[i] = i % 50 == 0 ? 1e-6f : lognormal(random);
  return importance;
}

template <class Check>
void for_all_formats(const Check& check) {
  int formats = 0;
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    if (!is_ours(*format)) continue;
    SCOPED_TRACE(id);
    check(*format, format->block == 1 ? std::size_t{147} : std::size_t{768});
    ++formats;
  }
  EXPECT_GE(formats, 19 + 7 * 8);
}

TEST(Search, BytesAreTheSameOnEveryInstructionSet) {
  for_all_formats([](const Format& format, std::size_t cols) {
    const std::vector<float> importance = sample_importance(cols);
    for (const auto& weights : sample_rows(cols))
      for (const Effort effort : {Effort::fast, Effort::standard}) {
        const SearchRow row{weights, importance, effort};
        const auto expected = encode_row(format, row, Isa::scalar);
        for (const Isa isa : available_isas()) EXPECT_EQ(encode_row(format, row, isa), expected) << to_string(isa);
      }
  });
}

TEST(Search, MoreEffortNeverGivesMoreError) {
  for_all_formats([](const Format& format, std::size_t cols) {
    const std::vector<float> importance = sample_importance(cols);
    for (const auto& weights : sample_rows(cols)) {
      double last = INFINITY, power = 0;
      for (std::size_t i = 0; i < cols; ++i) power += importance[i] * weights[i] * weights[i];
      for (const Effort effort : {Effort::fast, Effort::standard, Effort::best}) {
        const SearchRow row{weights, importance, effort};
        const double error = error_of_row(format, row, encode_row(format, row));
        // Errors are compared as sums of binary32.
        EXPECT_LE(error, last * (1 + 1e-5) + 1e-9 * power) << static_cast<int>(effort);
        last = error;
      }
    }
  });
}

TEST(Search, IsNeverWorseThanPlainRounding) {
  for_all_formats([](const Format& format, std::size_t cols) {
    if (format.encode_reference == nullptr) return;
    const std::vector<float> importance(cols, 1.0f);
    for (const auto& weights : sample_rows(cols)) {
      const SearchRow row{weights, importance, Effort::fast};
      std::vector<std::byte> plain(format.row_bytes(format, cols));
      format.encode_reference(format, weights, {nullptr, plain.data()});
      EXPECT_LE(error_of_row(format, row, encode_row(format, row)), error_of_row(format, row, plain) * (1 + 1e-5));
    }
  });
}

/// The first weights of the Gaussian tensor with their importance: `count` blocks of the format.
struct SmallTensor {
  std::vector<float> weights = read_floats("gauss.f32"), importance = read_floats("importance.f32");

  WeightedGroup all(std::size_t count) const { return WeightedGroup{weights, importance}.part(0, count); }
};

double searched_error(const Format& format, const WeightedGroup& weights, Effort effort) {
  const SearchRow row{weights.weights, weights.importance, effort};
  return error_of_row(format, row, encode_row(format, row));
}

TEST(Search, BestEffortFindsTheBestStoredScale) {
  const SmallTensor tensor;
  for_all_formats([&](const Format& format, std::size_t) {
    if (!format.gguf_type || format.two_level != nullptr || format.has_offset || format.id == "q8_k") return;
    const WeightedGroup all = tensor.all(512);
    double least = 0;
    for (std::size_t begin = 0; begin < 512; begin += format.group)
      least += least_error_of_scale(format, all.part(begin, format.group));
    EXPECT_LE(searched_error(format, all, Effort::best), least * 1.00001);
    EXPECT_GE(searched_error(format, all, Effort::best), least * 0.99999);
    EXPECT_LE(searched_error(format, all, Effort::standard), least * (format.level_max > 100 ? 1.25 : 1.03));
  });
}

TEST(Search, ScalesOfTablesAreTheBestPositiveOnes) {
  const SmallTensor tensor;
  const WeightedGroup all = tensor.all(1024);
  for (const char* id : {"nf4:g64:scale=f16", "fp4:g32:scale=f16"}) {
    const auto format = find_format(id);
    const std::vector<double> numbers = levels_of(*format);
    double least = 0;
    for (std::size_t begin = 0; begin < all.weights.size(); begin += format->group) {
      const WeightedGroup group = all.part(begin, format->group);
      double of_group = INFINITY;
      for (const float scale : halves_between(0.12 * group.largest(), 9 * group.largest()))
        of_group = std::min(of_group, nearest_error(group, numbers, scale));
      least += of_group;
    }
    EXPECT_LE(searched_error(*format, all, Effort::best), least * 1.00001) << id;
    EXPECT_GE(searched_error(*format, all, Effort::best), least * 0.99999) << id;
    EXPECT_LE(searched_error(*format, all, Effort::standard), least * 1.03) << id;
  }
}

/// Scales in binary32, which nobody can enumerate, beside the absmax.
TEST(Search, IsNotWorseThanTheAbsmaxOfFloatLevels) {
  const SmallTensor tensor;
  const WeightedGroup all = tensor.all(2048);
  for (const char* id : {"nf4:g64", "fp4:row", "fp8_e4m3:row", "fp8_e4m3:g128", "fp8_e5m2:row"}) {
    const auto format = find_format(id);
    const Method absmax{.transforms = {}, .solver = "rtn", .target = id, .options = {}};
    const TensorData plain = quantize_tensor(absmax, "w", {all.weights, 1, all.weights.size()}, {}, 1);
    const SearchRow row{all.weights, all.importance, Effort::fast};
    const std::vector<std::byte> bytes(plain.view().bytes.begin(), plain.view().bytes.end());
    EXPECT_LE(error_of_row(*format, row, encode_row(*format, row)), error_of_row(*format, row, bytes) * (1 + 1e-5))
        << id;
  }
}

TEST(Search, ScalesAndOffsetsAreNearTheBestPair) {
  const SmallTensor tensor;
  const WeightedGroup all = tensor.all(4 * 32);
  for (const char* id : {"q4_1", "q5_1"}) {
    const auto format = find_format(id);
    double least = 0;
    for (std::size_t begin = 0; begin < all.weights.size(); begin += 32)
      least += least_error_of_affine(*format, all.part(begin, 32));
    EXPECT_LE(searched_error(*format, all, Effort::best), least * 1.03) << id;
    EXPECT_LE(searched_error(*format, all, Effort::standard), least * 1.06) << id;
  }
}

TEST(Search, SuperBlocksAreNearTheBestUnit) {
  const SmallTensor tensor;
  for (const char* id : {"q3_k", "iq4_xs"}) {
    const auto format = find_format(id);
    const WeightedGroup block = tensor.all(256);
    const double least = least_error_of_block(*format, block);
    EXPECT_GE(searched_error(*format, block, Effort::best), least * 0.99999) << id;
    EXPECT_LE(searched_error(*format, block, Effort::best), least * 1.02) << id;
    EXPECT_LE(searched_error(*format, block, Effort::standard), least * 1.05) << id;
  }
}

}  // namespace
}  // namespace quantbench
