// The synthetic layers with which the reference implementations of GPTQ, AWQ and others were run.
#pragma once

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/matmul/matmul_f32.h"
#include "core/tensor.h"

namespace quantbench::testing_support {

inline const std::filesystem::path golden_layers = std::filesystem::path(QUANTBENCH_SHARED) / "gptq";

inline std::vector<float> read_floats(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::vector<float> values(file.bytes().size() / sizeof(float));
  std::memcpy(values.data(), file.bytes().data(), values.size() * sizeof(float));
  return values;
}

struct GoldenLayer {
  explicit GoldenLayer(const std::string& name)
      : weights_(read_floats(golden_layers / "layers" / (name + ".W.f32"))),
        inputs_(read_floats(golden_layers / "layers" / (name + ".X_calib.f32"))) {}

  static constexpr std::size_t outputs = 192, tokens = 2048;
  std::size_t cols() const { return weights_.size() / outputs; }
  MatrixView weights() const { return {weights_, outputs, cols()}; }
  MatrixView inputs() const { return {inputs_, tokens, cols()}; }

  /// tr((W - Q) H (W - Q)') with H = 2/tokens X'X.
  double error_of(const std::vector<float>& quantized) const {
    std::vector<float> difference = weights_, products(tokens * outputs);
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= quantized[i];
    matmul_f32({.a = inputs_.data(),
                .a_stride = cols(),
                .b = difference.data(),
                .b_stride = cols(),
                .c = products.data(),
                .c_stride = outputs,
                .m = tokens,
                .n = outputs,
                .k = cols()},
               2);
    double sum = 0;
    for (const float product : products) sum += static_cast<double>(product) * static_cast<double>(product);
    return 2 * sum / tokens;
  }

 private:
  std::vector<float> weights_;  // (outputs, cols)
  std::vector<float> inputs_;   // (tokens, cols)
};

}  // namespace quantbench::testing_support
