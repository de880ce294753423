#include "eval/activations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "core/parallel.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

constexpr std::string_view tensor_suffix = "_tensor";

bool is_by_tensor(std::string_view kind) { return kind.ends_with(tensor_suffix); }
std::string_view integer_of(std::string_view kind) { return kind.substr(0, kind.find('_')); }
int largest_level_of(std::string_view kind) { return integer_of(kind) == "int4" ? 7 : 127; }

}  // namespace

void round_activations(std::span<float> values, int largest_level) {
  float largest = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) fail("an activation is {}, which has no level", value);
    largest = std::max(largest, std::fabs(value));
  }
  const float scale = largest / static_cast<float>(largest_level);
  if (scale == 0) {
    std::ranges::fill(values, 0.0f);
    return;
  }
  const auto limit = static_cast<float>(largest_level);
  for (float& value : values) value = scale * std::clamp(std::nearbyint(value / scale), -limit, limit);
}

std::string activations_of(const Method& method) {
  const auto found = method.options.find(std::string(activations_option));
  return found == method.options.end() ? std::string() : found->second;
}

InputHook activation_rounding(const std::string& kind, std::set<std::string, std::less<>> layers, int threads) {
  if (kind.empty()) return {};
  return [=, layers = std::move(layers)](std::string_view layer, std::size_t windows, Matrix& input) {
    if (!layers.contains(layer) || input.rows() == 0) return;
    const std::size_t tokens = is_by_tensor(kind) ? input.rows() / windows : 1;  // that share a scale
    constexpr std::size_t tokens_of_task = 32;
    const std::size_t shared = tokens * input.cols(), of_task = std::max<std::size_t>(tokens_of_task / tokens, 1);
    const std::size_t count = input.rows() / tokens;
    parallel_for(threads, divide_up(count, of_task), [&](std::size_t task) {
      const std::size_t last = std::min((task + 1) * of_task, count);
      for (std::size_t i = task * of_task; i < last; ++i)
        round_activations(input.values().subspan(i * shared, shared), largest_level_of(kind));
    });
  };
}

std::string describe_activations(std::string_view kind) {
  return fmt::format("{}, one scale for {}", integer_of(kind),
                     is_by_tensor(kind) ? "the tokens of a window" : "each token");
}

}  // namespace quantbench
