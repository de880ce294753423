// GPTQ compared with the results of the published code on every setting of the golden layers.
#include <cmath>
#include <iostream>

#include "quantizers/formats/registry.h"
#include "quantizers/solvers/gptq/golden_layers_for_tests.h"

namespace quantbench {
namespace {

using Json = nlohmann::json;

/// "gptq:int3:g128:sym..." of a case. `reference`: as published; else with the scales and the choices of this program.
std::string method_of(const Json& entry, bool reference) {
  const bool act = entry.value("act_order", entry.value("act", false));
  const bool is_static = entry.value("static_groups", entry.value("static", false));
  const int group = entry["groupsize"];
  const bool scattered = act && !is_static && group > 0;
  std::string id = fmt::format("gptq:int{}:", entry["bits"].get<int>());
  id += scattered ? "g1" : group < 0 ? "row" : fmt::format("g{}", group);
  if (entry["sym"]) id += ":sym";
  if (reference) id += ":reference";
  if (act) id += scattered ? fmt::format(":actorder:dynamic={}", group) : ":actorder";
  if (is_static) id += ":static";
  if (reference && entry.value("mse", false)) id += ":mse";
  if (entry.contains("blocksize")) id += fmt::format(":block={}", entry["blocksize"].get<int>());
  if (entry.contains("percdamp")) id += fmt::format(":damp={}", entry["percdamp"].get<double>());
  if (entry.value("what", "").starts_with("group_aware_reorder")) id += ":gar";
  return id;
}

/// The share of weights that are rounded to the same level.
double share_equal(const std::vector<float>& found, const std::vector<float>& expected, double tolerance) {
  std::size_t equal = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    equal += std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])) <= tolerance ? 1 : 0;
  return static_cast<double>(equal) / static_cast<double>(found.size());
}

class GptqGoldenSlow : public GoldenLayersSlow {
 protected:
  static const Json& golden() {
    static const Json json = golden_json("gptq_golden.json");
    return json;
  }
};

/// Rounding to nearest on the grids of the published code is GPTQ without knowledge of the inputs.
TEST_F(GptqGoldenSlow, RoundingToNearestIsThatOfThePublishedCode) {
  for (std::size_t index = 0; index < layers().size(); ++index) {
    const Json& cases = golden()["layers"][index]["rtn"];
    ASSERT_EQ(cases.size(), 42u);
    for (const Json& entry : cases) {
      const std::string method = method_of(entry, true);
      const double error = layers()[index].error(layers()[index].quantize(method, {}));
      EXPECT_NEAR(error / entry["layer_err"].get<double>(), 1, 1e-4) << layers()[index].name << " " << method;
    }
  }
}

TEST_F(GptqGoldenSlow, LayerErrorIsThatOfThePublishedCode) {
  double worst = 0;
  std::size_t count = 0;
  for (std::size_t index = 0; index < layers().size(); ++index) {
    for (const char* const list : {"gptq", "extra"})
      for (const Json& entry : golden()["layers"][index][list]) {
        if (!entry.contains("layer_err") || entry.contains("tok_shape")) continue;
        const std::string method = method_of(entry, true);
        const double ratio = layers()[index].error(layers()[index].quantize(method)) / entry["layer_err"].get<double>();
        EXPECT_NEAR(ratio, 1, 0.005) << layers()[index].name << " " << method;
        worst = std::max(worst, std::abs(ratio - 1));
        ++count;
      }
  }
  std::cout << count << " cases, largest deviation " << worst << "\n";
}

TEST_F(GptqGoldenSlow, LevelsAreThoseOfThePublishedCode) {
  for (std::size_t index = 0; index < layers().size(); ++index)
    for (const Json& entry : golden()["layers"][index]["gptq"]) {
      if (!entry.contains("files")) continue;
      const auto expected = read_floats(golden_folder() / entry["files"]["Q"].get<std::string>());
      const auto scales = read_floats(golden_folder() / entry["files"]["scale"].get<std::string>());
      const std::string method = method_of(entry, true);
      const auto found = decode_all(layers()[index].quantize(method).view());
      const double step = *std::ranges::min_element(scales);
      const double share = share_equal(found, expected, 0.4 * step);
      EXPECT_GE(share, 0.99) << layers()[index].name << " " << method;
    }
}

/// With the range of grids searched for, which is the default, it is far below; without, the only difference are scales in f16
/// and what grids can see.
TEST_F(GptqGoldenSlow, CorrectedModeIsAtMostEqualOnAverage) {
  double sum = 0;
  int count = 0;
  for (std::size_t index = 0; index < layers().size(); ++index)
    for (const Json& entry : golden()["layers"][index]["gptq"]) {
      const std::string method = method_of(entry, false);
      const double ratio = layers()[index].error(layers()[index].quantize(method)) / entry["layer_err"].get<double>();
      EXPECT_LE(ratio, 1) << layers()[index].name << " " << method;
      sum += std::log(ratio);
      ++count;
    }
  std::cout << count << " cases, geometric mean of the ratio to the published code: " << std::exp(sum / count) << "\n";
  EXPECT_LE(sum / count, std::log(0.5));
}

/// Of formats of GGUF, against `search` with importance.
TEST_F(GptqGoldenSlow, OtherFormatsHaveLessErrorThanSearch) {
  for (const GoldenLayer& layer : layers()) {
    std::vector<float> mean_square;
    for (std::size_t i = 0; i < layer.cols; ++i) mean_square.push_back(layer.hessian[i * layer.cols + i] / 2);
    for (const std::string& format : format_ids()) {
      const auto stored = find_format(format);
      if (!stored->gguf_type || stored->floating_point || layer.cols % stored->block != 0) continue;
      const Method method = parse_method("gptq:" + format);
      try {
        check_method(method);
      } catch (const Error&) {
        continue;
      }
      const double plain = layer.error(layer.quantize("search:" + format, {.mean_square = mean_square}));
      for (const char* const options : {"", ":static", ":actorder", ":gar"})
        EXPECT_LT(layer.error(layer.quantize("gptq:" + format + options)), 0.7 * plain)
            << layer.name << " " << format << options;
    }
  }
}

}  // namespace
}  // namespace quantbench
