// The synthetic layers of the reference results, with errors computed in f64 from the activations.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "quantizers/quantize.h"

namespace quantbench {

inline std::filesystem::path golden_folder() { return std::filesystem::path(QUANTBENCH_SHARED) / "gptq"; }

inline nlohmann::json golden_json(const std::string& name) {
  return nlohmann::json::parse(read_text(std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "testdata/gptq" / name));
}

inline std::vector<float> read_floats(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::vector<float> values(file.bytes().size() / sizeof(float));
  std::memcpy(values.data(), file.bytes().data(), values.size() * sizeof(float));
  return values;
}

/// A row-major matrix in f64.
struct MatrixF64 {
  std::size_t rows = 0, cols = 0;
  std::vector<double> values;
  double* row(std::size_t index) { return values.data() + index * cols; }
  const double* row(std::size_t index) const { return values.data() + index * cols; }
};

/// 2/n A'B for A, B of n rows.
inline MatrixF64 moments(const std::vector<float>& a, const std::vector<float>& b, std::size_t tokens) {
  const std::size_t cols = a.size() / tokens;
  MatrixF64 sums{cols, cols, std::vector<double>(cols * cols)};
  std::vector<double> row(cols);
  for (std::size_t token = 0; token < tokens; ++token) {
    for (std::size_t j = 0; j < cols; ++j) row[j] = static_cast<double>(b[token * cols + j]);
    for (std::size_t i = 0; i < cols; ++i) {
      const double factor = 2.0 / static_cast<double>(tokens) * static_cast<double>(a[token * cols + i]);
      if (factor == 0) continue;
      double* const out = sums.row(i);
      for (std::size_t j = 0; j < cols; ++j) out[j] += factor * row[j];
    }
  }
  return sums;
}

inline std::vector<float> to_f32(const MatrixF64& matrix) {
  std::vector<float> values;
  for (const double value : matrix.values) values.push_back(static_cast<float>(value));
  return values;
}

/// sum over rows of d H d'
inline double quadratic_form(const MatrixF64& h, std::span<const double> difference) {
  double sum = 0;
  for (std::size_t begin = 0; begin < difference.size(); begin += h.cols)
    for (std::size_t i = 0; i < h.cols; ++i) {
      double dot = 0;
      for (std::size_t j = 0; j < h.cols; ++j) dot += h.row(i)[j] * difference[begin + j];
      sum += dot * difference[begin + i];
    }
  return sum;
}

inline std::vector<float> decode_all(const Tensor& tensor) {
  std::vector<float> values(tensor.weights());
  for (std::size_t row = 0; row < tensor.rows; ++row)
    tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0,
                          std::span(values).subspan(row * tensor.cols, tensor.cols));
  return values;
}

struct GoldenLayer {
  std::string name;
  std::size_t rows = 0, cols = 0, tokens = 0;
  std::vector<float> weights, activations;
  MatrixF64 moments_f64;       // 2/n X'X
  std::vector<float> hessian;  // the same, rounded

  explicit GoldenLayer(const nlohmann::json& entry)
      : name(entry["name"]), rows(entry["out_features"]), cols(entry["in_features"]) {
    weights = read_floats(golden_folder() / "layers" / entry["W"]["file"].get<std::string>());
    activations = read_floats(golden_folder() / "layers" / entry["X_calib"]["file"].get<std::string>());
    tokens = activations.size() / cols;
    moments_f64 = moments(activations, activations, tokens);
    hessian = to_f32(moments_f64);
  }

  /// Only the first rows of the layer.
  TensorData quantize(const std::string& method, const LayerCalibration& calibration,
                      std::size_t first_rows = 0) const {
    const std::size_t count = first_rows == 0 ? rows : first_rows;
    return quantize_tensor(parse_method(method), name, {std::span(weights).first(count * cols), count, cols},
                           calibration, 2);
  }
  TensorData quantize(const std::string& method) const { return quantize(method, {.second_moments = hessian}); }

  /// tr((W - Q) H (W - Q)') over the rows of Q.
  double error(const std::vector<float>& quantized) const {
    std::vector<double> difference;
    for (std::size_t i = 0; i < quantized.size(); ++i)
      difference.push_back(static_cast<double>(weights[i]) - static_cast<double>(quantized[i]));
    return quadratic_form(moments_f64, difference);
  }
  double error(const TensorData& quantized) const { return error(decode_all(quantized.view())); }
};

/// Tests of the golden layers, which are not part of the repository: they lie beside it where it is developed.
class GoldenLayersSlow : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!layers().empty() || !std::filesystem::exists(golden_folder())) return;
    const auto index = nlohmann::json::parse(read_text(golden_folder() / "layers/index.json"));
    for (const auto& entry : index["layers"]) layers().emplace_back(entry);
  }
  void SetUp() override {
    if (layers().empty()) GTEST_SKIP() << "the golden layers are not at " << golden_folder();
  }
  static std::vector<GoldenLayer>& layers() {
    static std::vector<GoldenLayer> all;
    return all;
  }
};

}  // namespace quantbench
