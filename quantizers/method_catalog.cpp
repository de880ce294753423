#include "quantizers/method_catalog.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

using Kind = OptionSpec::Kind;

constexpr std::array gguf_types = std::to_array<std::string_view>(
    {"q4_0",  "q4_1",   "q5_0",   "q5_1",  "q8_0",  "q8_1",    "q8_k",   "q2_k",  "q3_k",
     "q4_k",  "q5_k",   "q6_k",   "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs",
     "iq3_s", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "mxfp4",   "nvfp4",  "q1_0",  "q2_0"});

constexpr std::array mixes = std::to_array<std::string_view>(
    {"q4_0",   "q4_1",   "q5_0",   "q5_1",    "q8_0",  "q2_k",   "q2_k_s", "q3_k_s",  "q3_k_m", "q3_k_l",
     "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m",  "q6_k",  "iq1_s",  "iq1_m",  "iq2_xxs", "iq2_xs", "iq2_s",
     "iq2_m",  "iq3_xs", "iq3_s",  "iq3_xxs", "iq3_m", "iq4_nl", "iq4_xs", "tq1_0",   "tq2_0"});

constexpr std::string_view mix_prefix = "mix:";

}  // namespace

const std::vector<StepSpec>& known_transforms() {
  static const std::vector<StepSpec> all = {
      {"awq", {{"alpha", Kind::number}, {"clip", Kind::word, "", {"", "grid"}}, {"duo"}}},
      {"hadamard", {{"seed", Kind::number, "0"}}},
      {"salient",
       {{"keep", Kind::number, "1"},
        {"by", Kind::word, "activation", {"activation", "weight", "random"}},
        {"times", Kind::number},
        {"seed", Kind::number, "0"}}},
      {"smoothquant", {{"alpha", Kind::number, "0.5"}}},
  };
  return all;
}

const std::vector<StepSpec>& known_solvers() {
  static const std::vector<StepSpec> all = {
      {"gptq",
       {{"actorder"},
        {"asymmetric", Kind::number, "0"},
        {"block", Kind::number, "128"},
        {"damp", Kind::number, "0.01"},
        {"dynamic", Kind::number},
        {"gain", Kind::word, "unbiased", {"unbiased", "least_squares"}},
        {"gar"},
        {"minmax"},
        {"mse"},
        {reference_option},
        {"static"}}},
      {"hqq", {}},
      {"obq", {{"damp", Kind::number, "0.01"}}},
      {"rtn", {{grid_option, Kind::word, "zero", {"zero", "spread"}}}},
      {"search",
       {{"effort", Kind::word, "default", {"fast", "default", "best"}},
        {"gain", Kind::word, "unbiased", {"unbiased", "least_squares"}},
        {imatrix_option, Kind::word, "auto", {"auto", "on", "off", "blend", "slight"}}}},
  };
  return all;
}

const std::vector<OptionSpec>& allocation_options() {
  static const std::vector<OptionSpec> all = {{rules_option, Kind::name}};
  return all;
}

const std::vector<OptionSpec>& evaluation_options() {
  static const std::vector<std::string_view> kinds = {
      "q8_0", "q5_1",         "q5_0",         "q4_1",         "q4_0",         "int8",     "int4",    "int3",
      "int2", "int8_channel", "int4_channel", "int3_channel", "int2_channel", "fp8_e4m3", "fp8_e5m2"};
  static const std::vector<OptionSpec> all = {
      {activations_option, Kind::word, "", {"int8", "int8_tensor", "int4", "int4_tensor"}},
      {compute_option, Kind::word, "exact", {"exact", "native", "bf16"}},
      {kv_keys_option, Kind::word, "", kinds},
      {kv_values_option, Kind::word, "", kinds},
      {kv_rotate_option}};
  return all;
}

const StepSpec* find_step(const std::vector<StepSpec>& steps, std::string_view name) {
  const auto found = std::ranges::find(steps, name, &StepSpec::name);
  return found == steps.end() ? nullptr : &*found;
}

bool is_gguf_type(std::string_view name) { return std::ranges::find(gguf_types, name) != gguf_types.end(); }
bool is_mix(std::string_view name) { return std::ranges::find(mixes, name) != mixes.end(); }

std::string mix_id(std::string_view name) {
  return is_gguf_type(name) ? fmt::format("{}{}", mix_prefix, name) : std::string(name);
}

std::optional<std::string_view> mix_of_target(std::string_view target) {
  if (target.starts_with(mix_prefix)) return target.substr(mix_prefix.size());
  if (is_mix(target) && !is_gguf_type(target)) return target;
  return std::nullopt;
}

std::vector<std::string> method_words() {
  std::vector<std::string> words = {"absmax", "zero_point", "f32", "f16", "bf16"};
  for (const StepSpec& step : known_solvers()) words.emplace_back(step.name);
  for (const StepSpec& step : known_transforms()) words.emplace_back(step.name);
  for (int bits = 2; bits <= 8; ++bits) words.push_back(fmt::format("int{}", bits));
  words.insert(words.end(), table_names().begin(), table_names().end());
  words.insert(words.end(), gguf_types.begin(), gguf_types.end());
  for (const std::string_view mix : mixes)
    if (!is_gguf_type(mix)) words.emplace_back(mix);
  return words;
}

std::string canonical_option_value(const OptionSpec& option, std::string_view value, std::string_view id) {
  switch (option.kind) {
    case Kind::flag:
      if (!value.empty()) fail("method '{}': option '{}' takes no value", id, option.name);
      return {};
    case Kind::word:
      if (std::ranges::find(option.words, value) == option.words.end())
        fail("method '{}': {} is one of {}, not '{}'", id, option.name, fmt::join(option.words, ", "), value);
      return std::string(value);
    case Kind::name: {
      const bool plain = std::ranges::all_of(
          value, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
      if (value.empty() || !plain)
        fail("method '{}': {} is a name of letters, digits, '_', '-' and '.', not '{}'", id, option.name, value);
      return std::string(value);
    }
    case Kind::number: {
      double number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc{} || end != value.data() + value.size() || !std::isfinite(number) || number < 0)
        fail("method '{}': {} is a number that is not negative, not '{}'", id, option.name, value);
      return fmt::format("{}", number + 0.0);
    }
  }
  return {};
}

}  // namespace quantbench
