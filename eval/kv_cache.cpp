#include "eval/kv_cache.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/decode.h"
#include "quantizers/formats/nearest_level.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"
#include "quantizers/quantize.h"
#include "quantizers/transforms/hadamard_matrix.h"

namespace quantbench {
namespace {

constexpr std::string_view channel_suffix = "_channel";
constexpr std::size_t tokens_of_channel_group = 32;

bool is_fp8(std::string_view kind) { return kind.starts_with("fp8"); }
bool is_by_channel(std::string_view kind) { return kind.ends_with(channel_suffix); }

/// The method that rounds rows of tokens, or of channels.
Method rounding_method(std::string_view kind, std::size_t head_size) {
  if (!kind.starts_with("int")) return parse_method(fmt::format("rtn:{}", kind));
  const std::string_view integer = kind.substr(0, kind.find('_'));
  const std::size_t group = is_by_channel(kind) ? tokens_of_channel_group : head_size;
  return parse_method(fmt::format("zero_point:{}:g{}", integer, group));
}

/// Rows (tokens, or the channels of one window) as they are read from the cache again.
void round_rows(const Method& method, std::string_view what, MatrixView rows, int threads, std::span<float> out) {
  const TensorData stored = quantize_tensor(method, std::string(what), rows, {}, threads);
  decode_rows(stored.view(), 0, rows.rows, out, threads);
}

/// Every number to the nearest of the format, without a scale; beyond the largest to the largest.
void round_to_fp8(std::string_view kind, std::string_view what, std::span<float> numbers, int threads) {
  const auto format = find_format(fmt::format("{}:tensor", kind));
  const formats::NearestLevel nearest(*format);
  constexpr std::size_t numbers_of_task = 16384;
  parallel_for(threads, divide_up(numbers.size(), numbers_of_task), [&](std::size_t task) {
    const std::size_t begin = task * numbers_of_task, count = std::min(numbers_of_task, numbers.size() - begin);
    for (float& number : numbers.subspan(begin, count)) {
      if (std::isnan(number)) fail("{} of a quantized cache: found NaN", what);
      number = format->float_levels[static_cast<std::size_t>(nearest(static_cast<double>(number)) - format->level_min)];
    }
  });
}

struct Rounding {
  std::string_view what;  // "keys" or "values"
  std::string kind;
  int threads = 1;

  void round(const CacheShape& shape, Matrix& numbers) const {
    if (is_fp8(kind)) return round_to_fp8(kind, what, numbers.values(), threads);
    const Method method = rounding_method(kind, shape.head_size);
    if (!is_by_channel(kind)) return round_rows(method, what, numbers.view(), threads, numbers.values());
    for (std::size_t window = 0; window < shape.windows; ++window) round_channels(method, shape, window, numbers);
  }

 private:
  void round_channels(const Method& method, const CacheShape& shape, std::size_t window, Matrix& numbers) const {
    const std::size_t channels = numbers.cols();
    const std::span<float> tokens = numbers.values().subspan(window * shape.length * channels, shape.length * channels);
    std::vector<float> transposed(tokens.size());
    for (std::size_t token = 0; token < shape.length; ++token)
      for (std::size_t channel = 0; channel < channels; ++channel)
        transposed[channel * shape.length + token] = tokens[token * channels + channel];
    round_rows(method, what, {transposed, channels, shape.length}, threads, transposed);
    for (std::size_t token = 0; token < shape.length; ++token)
      for (std::size_t channel = 0; channel < channels; ++channel)
        tokens[token * channels + channel] = transposed[channel * shape.length + token];
  }
};

void rotate_heads(const CacheShape& shape, int threads, Matrix& keys) {
  if (!std::has_single_bit(shape.head_size))
    fail("kv_rotate: heads of {} channels cannot be rotated; expected a power of two", shape.head_size);
  const std::size_t heads = shape.windows * shape.length * shape.kv_heads;
  constexpr std::size_t heads_of_task = 256;
  parallel_for(threads, divide_up(heads, heads_of_task), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * heads_of_task, heads);
    for (std::size_t head = task * heads_of_task; head < last; ++head)
      rotate_by_hadamard(keys.values().subspan(head * shape.head_size, shape.head_size));
  });
}

}  // namespace

void rotate_by_hadamard(std::span<float> values) {
  multiply_by_hadamard(values);
  const float factor = 1.0f / std::sqrt(static_cast<float>(values.size()));
  for (float& value : values) value *= factor;
}

KvCacheOptions kv_cache_options(const Method& method) {
  const auto value = [&](std::string_view name) {
    const auto found = method.options.find(std::string(name));
    return found == method.options.end() ? std::string() : found->second;
  };
  KvCacheOptions options{value(kv_keys_option), value(kv_values_option),
                         method.options.contains(std::string(kv_rotate_option))};
  if (options.rotate_keys && options.keys.empty())
    fail("method '{}': kv_rotate rotates keys before they are rounded; say with kv_keys how", to_string(method));
  return options;
}

CacheHook kv_cache_rounding(const KvCacheOptions& options, int threads) {
  if (!options.any()) return {};
  return [options, threads](const CacheShape& shape, Matrix& keys, Matrix& values) {
    if (options.rotate_keys) rotate_heads(shape, threads, keys);
    if (!options.keys.empty()) Rounding{"keys", options.keys, threads}.round(shape, keys);
    if (options.rotate_keys) rotate_heads(shape, threads, keys);
    if (!options.values.empty()) Rounding{"values", options.values, threads}.round(shape, values);
  };
}

double kv_cache_bits(std::string_view kind, std::size_t head_size) {
  if (is_fp8(kind)) return 8;
  const std::size_t cols = is_by_channel(kind) ? tokens_of_channel_group : head_size;
  const auto format = find_format(rounding_method(kind, head_size).target);
  return format->bits_per_weight(1, std::lcm(cols, format->block));
}

}  // namespace quantbench
