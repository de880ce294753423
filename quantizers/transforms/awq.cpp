#include "quantizers/transforms/awq.h"

#include <algorithm>
#include <cmath>

#include "quantizers/formats/registry.h"
#include "quantizers/transforms/clip.h"
#include "quantizers/transforms/column_scales.h"
#include "quantizers/transforms/rounding.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

constexpr int exponents_tried = 20;
constexpr float smallest_scale = 1e-4f;

/// Mean squared difference when the layers are rounded after their columns were multiplied by the scales.
double loss_of(const ScalingInput& input, std::span<const float> scales) {
  const ScaledCalibration calibration(input.calibration, scales);
  std::vector<std::vector<float>> weights;
  std::vector<MatrixView> views;
  for (std::size_t layer = 0; layer < input.layers.size(); ++layer) {
    const MatrixView original = input.layers[layer];
    std::vector<float> scaled(original.values.begin(), original.values.end());
    multiply_columns(scaled, scales);
    weights.push_back(
        rounded(input.rounding[layer], {scaled, original.rows, original.cols}, calibration.view(), input.threads));
    divide_columns(weights.back(), scales);
    views.push_back({weights.back(), original.rows, original.cols});
  }
  const double loss = input.loss(views);
  if (!std::isfinite(loss)) fail("awq: the loss of the scale search is {}", loss);
  return loss;
}

class Awq final : public InputScaling {
 public:
  CalibrationNeeds needs() const override { return {.mean_absolute = true}; }
  std::size_t trials(const std::map<std::string, std::string>& options) const override {
    return exponents_of(options).size();
  }

  ScalingChoice choose(const ScalingInput& input) const override {
    if (input.calibration.mean_absolute.empty())
      fail("awq chooses scales by the mean |x| of each input column: it needs a calibration text");
    const bool duo = input.options.contains("duo");
    const std::vector<float> relative_weight =
        duo ? mean_relative_weight(input.layers, find_format(input.rounding.front().target)->group)
            : std::vector<float>();
    ScalingChoice best;
    double smallest_loss = 0;
    for (const double alpha : exponents_of(input.options)) {
      std::vector<float> scales = duo ? awq_duo_scales(input.calibration.mean_absolute, relative_weight, alpha)
                                      : awq_scales(input.calibration.mean_absolute, alpha);
      const double loss = loss_of(input, scales);
      if (best.losses.empty() || loss < smallest_loss) {
        smallest_loss = loss;
        best.alpha = alpha;
        best.scales = std::move(scales);
      }
      best.losses.push_back(loss);
    }
    return best;
  }

 private:
  static std::vector<double> exponents_of(const std::map<std::string, std::string>& options) {
    const auto fixed = options.find("alpha");
    return fixed == options.end() ? awq_exponents() : std::vector<double>{std::stod(fixed->second)};
  }
};

void check(const Method& method, const Format& format) {
  const auto alpha = method.options.find("alpha");
  if (alpha != method.options.end() && std::stod(alpha->second) > 1)
    fail("method '{}': alpha of awq is 0 to 1, not {}", to_string(method), alpha->second);
  check_clip(method, format);
}

const Register<TransformEntry> registered{
    "awq",
    {"scales of input columns by activation magnitude, found by search (Lin et al. 2023)", check,
     std::make_shared<Awq>()}};

}  // namespace

std::vector<double> awq_exponents() {
  std::vector<double> exponents;
  for (int step = 0; step < exponents_tried; ++step) exponents.push_back(static_cast<double>(step) / exponents_tried);
  return exponents;
}

std::vector<float> awq_scales(std::span<const float> mean_absolute, double alpha) {
  std::vector<float> scales;
  for (const float x : mean_absolute)
    scales.push_back(std::max(std::pow(x, static_cast<float>(alpha)), smallest_scale));
  return balanced(std::move(scales));
}

std::vector<float> mean_relative_weight(std::span<const MatrixView> layers, std::size_t group) {
  const std::size_t cols = layers.front().cols, group_weights = group == 0 ? cols : std::min(group, cols);
  std::vector<double> sums(cols);
  std::size_t rows = 0;
  for (const MatrixView& layer : layers) {
    rows += layer.rows;
    for (std::size_t row = 0; row < layer.rows; ++row) {
      for (std::size_t begin = 0; begin < cols; begin += group_weights) {
        const auto weights = layer.row(row).subspan(begin, std::min(group_weights, cols - begin));
        float largest = 0;
        for (const float weight : weights) largest = std::max(largest, std::fabs(weight));
        for (std::size_t i = 0; i < weights.size(); ++i)
          sums[begin + i] += static_cast<double>(std::fabs(weights[i]) / (largest + 1e-6f));
      }
    }
  }
  std::vector<float> means;
  for (const double sum : sums) means.push_back(static_cast<float>(sum / static_cast<double>(rows)));
  return means;
}

std::vector<float> awq_duo_scales(std::span<const float> mean_absolute, std::span<const float> relative_weight,
                                  double alpha) {
  std::vector<float> scales;
  for (std::size_t col = 0; col < mean_absolute.size(); ++col) {
    const float of_weight = std::pow(relative_weight[col], static_cast<float>(1 - alpha)) + 1e-4f;
    scales.push_back(std::max(std::pow(mean_absolute[col], static_cast<float>(alpha)) / of_weight, smallest_scale));
  }
  return balanced(std::move(scales));
}

}  // namespace quantbench
