// GPTAQ compared with the results of the published code.
#include <cmath>

#include "quantizers/solvers/gptq/golden_layers_for_tests.h"

namespace quantbench {
namespace {

using Json = nlohmann::json;

/// What an upstream layer could have made of the inputs: rounded to steps of half their mean magnitude.
std::vector<float> rounded_inputs(const GoldenLayer& layer) {
  std::vector<double> sums(layer.cols);
  for (std::size_t i = 0; i < layer.activations.size(); ++i)
    sums[i % layer.cols] += static_cast<double>(std::fabs(layer.activations[i]));
  std::vector<float> result;
  for (std::size_t i = 0; i < layer.activations.size(); ++i) {
    const double half = sums[i % layer.cols] / static_cast<double>(layer.tokens) / 2;
    const float step = half == 0 ? 1.0f : static_cast<float>(half);
    result.push_back(std::nearbyint(layer.activations[i] / step) * step);
  }
  return result;
}

class GptaqGoldenSlow : public GoldenLayersSlow {};

TEST_F(GptaqGoldenSlow, LayerErrorIsThatOfThePublishedCode) {
  const Json golden = golden_json("gptaq_golden.json");
  double worst = 0;
  int cases = 0;
  for (std::size_t index = 0; index < layers().size(); ++index) {
    const GoldenLayer& layer = layers()[index];
    const std::vector<float> x = rounded_inputs(layer);
    double sum = 0;
    for (const float value : x) sum += static_cast<double>(std::fabs(value));
    EXPECT_NEAR(sum / golden["layers"][index]["Xq_check"]["sum_abs"].get<double>(), 1, 1e-6);
    std::vector<float> difference;
    for (std::size_t i = 0; i < x.size(); ++i) difference.push_back(layer.activations[i] - x[i]);
    const auto hessian = to_f32(moments(x, x, layer.tokens)), cross = to_f32(moments(difference, x, layer.tokens));
    for (const Json& entry : golden["layers"][index]["cases"]) {
      if (!entry.contains("alpha")) continue;
      const int group = entry["groupsize"];
      std::string method = fmt::format("gptq:int{}:{}{}:reference:asymmetric={}", entry["bits"].get<int>(),
                                       group < 0 ? "row" : fmt::format("g{}", group), entry["sym"] ? ":sym" : "",
                                       entry["alpha"].get<double>());
      if (entry["act_order"]) method += ":actorder";
      if (entry["static_groups"]) method += ":static";
      const TensorData found = layer.quantize(method, {.second_moments = hessian, .cross_moments = cross});
      const double ratio = layer.error(found) / entry["layer_err"].get<double>();
      EXPECT_NEAR(ratio, 1, 0.005) << layer.name << " " << method;
      worst = std::max(worst, std::abs(ratio - 1));
      ++cases;
    }
  }
  std::cout << cases << " cases, largest deviation " << worst << "\n";
}

}  // namespace
}  // namespace quantbench
