// SmoothQuant (Xiao et al. 2022, arXiv 2211.10438): what makes activations hard to quantize moves into the weights.
//
//   s_j = max(max_t |x_tj|^alpha / max(max |w_j|, 1e-5)^(1 - alpha), 1e-5)       (equation 4; the bounds are the authors' code)
// with the largest |w| of input column j over all layers that read it. alpha is 0.5 unless given. As in the authors' code only
// inputs that a norm makes are scaled.
#include <algorithm>
#include <cmath>

#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

constexpr float smallest = 1e-5f;

double exponent_of(const std::map<std::string, std::string>& options) {
  const auto alpha = options.find("alpha");
  return alpha == options.end() ? 0.5 : std::stod(alpha->second);
}

std::vector<float> largest_weights(const std::vector<MatrixView>& layers) {
  std::vector<float> largest(layers.front().cols);
  for (const MatrixView& layer : layers)
    for (std::size_t row = 0; row < layer.rows; ++row)
      for (std::size_t col = 0; col < layer.cols; ++col)
        largest[col] = std::max(largest[col], std::fabs(layer.row(row)[col]));
  return largest;
}

class SmoothQuant final : public InputScaling {
 public:
  CalibrationNeeds needs() const override { return {.max_absolute = true}; }
  bool only_after_norms() const override { return true; }

  ScalingChoice choose(const ScalingInput& input) const override {
    if (input.calibration.max_absolute.empty())
      fail("smoothquant looks at the largest |x| of each input column: it needs a calibration text");
    ScalingChoice choice;
    choice.alpha = exponent_of(input.options);
    const std::vector<float> weights = largest_weights(input.layers);
    const auto alpha = static_cast<float>(choice.alpha);
    for (std::size_t col = 0; col < weights.size(); ++col)
      choice.scales.push_back(std::max(
          std::pow(input.calibration.max_absolute[col], alpha) / std::pow(std::max(weights[col], smallest), 1 - alpha),
          smallest));
    return choice;
  }
};

void check(const Method& method, const Format&) {
  if (exponent_of(method.options) > 1)
    fail("method '{}': alpha of smoothquant is 0 to 1, not {}", to_string(method), method.options.at("alpha"));
}

const Register<TransformEntry> registered{"smoothquant",
                                          {"scales of input columns between activations and weights (Xiao et al. 2022)",
                                           check, std::make_shared<SmoothQuant>()}};

}  // namespace
}  // namespace quantbench
