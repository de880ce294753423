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
      const double error = search_error(format->id, weights, weighted ? importance : std::span<const float>{}, golden_cols);
      const double ratio = error / result[weighted ? "rel_wrmse" : "rel_rmse"].get<double>();
      if (std::getenv("PRINT")) printf("%-8s %-8s %d %.5f ratio %.4f\n", format->id.c_str(), tensor.c_str(), weighted, error, ratio);
      EXPECT_LE(ratio, 1.000001) << format->id << " on " << tensor << (weighted ? ", weighted" : "");
      ++compared;
      const bool ternary_or_fp4 = format->id.starts_with("tq") || format->id.ends_with("fp4") || format->id == "q1_0" ||
                                  format->id == "q2_0";
      if (ternary_or_fp4 || format->id == "q8_0") continue;
      logarithms += std::log(ratio);
      ++averaged;
    }
  }
  EXPECT_EQ(compared, 3 * 2 * 18);
  EXPECT_LE(std::exp(logarithms / averaged), 0.96);
  if (std::getenv("PRINT")) printf("mean %.4f\n", std::exp(logarithms / averaged));
}

}  // namespace
}  // namespace quantbench
