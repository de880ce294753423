// A solver that only this file knows: registering it is all it takes to use it as `power_of_two:int4:g64`, and the
// contract test of all formats and solvers covers it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantizers/quantize.h"

namespace quantbench {
namespace {

/// Symmetric scales that are powers of two, so that a kernel can shift instead of multiply.
class PowerOfTwo : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    if (format.pack == nullptr || format.group == 0 || format.has_offset || !format.level_values.empty() ||
        !format.float_levels.empty())
      fail("the solver power_of_two does not write {}", format.id);
    for (const auto& [name, value] : options)
      if (name != "headroom" || value != "2") fail("the solver power_of_two has no option '{}={}'", name, value);
  }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    const float headroom = input.options.contains("headroom") ? 2.0f : 1.0f;
    for (std::size_t row = 0; row < input.weights.rows; ++row) {
      const auto weights = input.weights.row(row);
      std::vector<Affine> affines;
      std::vector<std::int8_t> levels(weights.size());
      for (std::size_t i = 0; i < weights.size(); ++i) {
        if (i % format.group == 0)
          affines.push_back(fit(format, weights.subspan(i, std::min(format.group, weights.size() - i)), headroom));
        levels[i] = level(format, affines.back(), weights[i]);
      }
      format.pack(format, affines, levels, out.row(row));
    }
  }

 private:
  static Affine fit(const Format& format, std::span<const float> weights, float headroom) {
    float largest = 0;
    for (const float weight : weights) largest = std::max(largest, std::fabs(weight));
    const float wanted =
        largest == 0 ? 0 : std::exp2(std::ceil(std::log2(largest / static_cast<float>(format.level_max)))) * headroom;
    return format.round_affine(format, {wanted, 0});
  }

  static std::int8_t level(const Format& format, Affine affine, float weight) {
    if (affine.scale == 0) return 0;
    const float nearest = std::nearbyint(weight / affine.scale);
    return static_cast<std::int8_t>(
        std::clamp(nearest, static_cast<float>(format.level_min), static_cast<float>(format.level_max)));
  }
};

const Register<SolverEntry> registered{"power_of_two",
                                       {std::make_shared<PowerOfTwo>(), "scales that are powers of two"}};

TEST(ToySolver, IsUsableByItsNameAlone) {
  const Method method = parse_method("power_of_two:int4:g64:sym:headroom=2");
  EXPECT_EQ(to_string(method), "power_of_two:int4:g64:sym:headroom=2");
  EXPECT_EQ(method.options, (std::map<std::string, std::string>{{"headroom", "2"}}));
  EXPECT_NO_THROW(check_method(method));
  EXPECT_THROW(check_method(parse_method("power_of_two:int4:g64:sym:headroom=3")), Error);
  EXPECT_THROW(check_method(parse_method("power_of_two:int4:g64")), Error);
}

TEST(ToySolver, QuantizesAndIsListed) {
  std::vector<float> weights(128);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(static_cast<int>(i % 15) - 7);
  const TensorData quantized = quantize_tensor(parse_method("power_of_two:int4:g64:sym"), "w", {weights, 2, 64}, {}, 1);
  std::vector<float> decoded(64);
  for (std::size_t row = 0; row < 2; ++row) {
    const Tensor& tensor = quantized.view();
    tensor.format->decode(*tensor.format, tensor.row(row), 64, 0, decoded);
    EXPECT_TRUE(std::ranges::equal(decoded, std::span(weights).subspan(row * 64, 64)));
  }
  const auto examples = example_methods();
  EXPECT_NE(std::ranges::find(examples, "power_of_two:int4:g128:sym"), examples.end());
}

TEST(ToySolver, MisspelledNameSuggestsIt) {
  try {
    parse_method("power_of_tow:int4:g64");
    FAIL() << "parsed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean power_of_two?"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace quantbench
