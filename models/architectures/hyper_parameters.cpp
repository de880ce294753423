#include "models/architectures/hyper_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "core/checked.h"
#include "core/error.h"
#include "models/architectures/decoder.h"

namespace quantbench {
namespace {

constexpr const char* factors_name = "rope_freqs.weight";
constexpr const char* short_factors_name = "rope_factors_short.weight";
constexpr const char* long_factors_name = "rope_factors_long.weight";

std::size_t layer_count(const HyperParameters& keys, const Checkpoint& checkpoint) {
  const std::size_t layers = keys.count("block_count");
  // Each layer has tensors of its own: a larger count is wrong, and must not size an allocation.
  if (layers > checkpoint.tensors().size())
    keys.refuse("block_count",
                fmt::format("is {}, more than the file has tensors ({})", layers, checkpoint.tensors().size()));
  return layers;
}

std::vector<DecoderLayer> read_layers(const HyperParameters& keys, std::size_t count) {
  const std::vector<std::size_t> heads = keys.counts("attention.head_count", count);
  const std::vector<std::size_t> feed_forward = keys.counts("feed_forward_length", count);
  const std::vector<std::size_t> kv_heads =
      keys.contains("attention.head_count_kv") ? keys.counts("attention.head_count_kv", count) : heads;
  const std::size_t window = keys.count_or("attention.sliding_window", 0);
  std::vector<DecoderLayer> layers(count);
  for (std::size_t index = 0; index < count; ++index) {
    layers[index] = {heads[index], kv_heads[index], feed_forward[index], window};
    if (heads[index] % kv_heads[index] != 0)
      keys.refuse("attention.head_count_kv", fmt::format("is {} in layer {}, which does not divide the {} heads",
                                                         kv_heads[index], index, heads[index]));
  }
  return layers;
}

std::size_t read_head_size(const HyperParameters& keys, const DecoderParameters& parameters) {
  const std::size_t heads = parameters.layers.front().heads;
  if (!keys.contains("attention.key_length") && parameters.width % heads != 0)
    keys.refuse("attention.head_count", fmt::format("is {}, which does not divide {}.embedding_length {}", heads,
                                                    parameters.architecture, parameters.width));
  const std::size_t head_size =
      keys.count_or("attention.key_length", std::max<std::size_t>(parameters.width / heads, 1));
  const std::size_t value_size = keys.count_or("attention.value_length", head_size);
  if (value_size != head_size)
    keys.refuse("attention.value_length", fmt::format("is {}, expected {} as the keys have", value_size, head_size));
  return head_size;
}

std::vector<float> read_frequency_factors(const Checkpoint& checkpoint, const char* name, std::size_t pairs) {
  const CheckpointTensor* const found = checkpoint.find(name);
  if (found == nullptr) return {};
  const Tensor tensor = found->tensor();
  if (tensor.rows != 1 || tensor.cols != pairs)
    fail("{}: tensor {} has shape {} x {}, expected {} factors (half of the numbers of a head that are rotated)",
         checkpoint.source(), tensor.name, tensor.cols, tensor.rows, pairs);
  std::vector<float> factors(pairs);
  tensor.format->decode(*tensor.format, tensor.row(0), tensor.cols, 0, factors);
  for (const float factor : factors) {
    if (!std::isfinite(factor) || factor <= 0)
      fail("{}: tensor {} holds {}, expected numbers above 0", checkpoint.source(), tensor.name, factor);
  }
  return factors;
}

YarnScaling read_yarn(const HyperParameters& keys, double factor) {
  return {.factor = factor,
          .original_context = static_cast<double>(keys.count("rope.scaling.original_context_length")),
          .beta_fast = keys.positive_or("rope.scaling.yarn_beta_fast", 32),
          .beta_slow = keys.positive_or("rope.scaling.yarn_beta_slow", 1)};
}

void read_scaling(const HyperParameters& keys, RopeParameters& rope) {
  const double factor = keys.positive_or("rope.scaling.factor", keys.positive_or("rope.scale_linear", 1));
  const std::string type = keys.text_or("rope.scaling.type", "linear");
  if (type == "linear") {
    rope.linear_factor = factor;
    rope.magnitude = keys.positive_or("rope.scaling.attn_factor", 1);
  } else if (type == "yarn") {
    rope.yarn = read_yarn(keys, factor);
    // As runtimes understand the key: it multiplies what the factor implies.
    rope.magnitude = (factor > 1 ? 0.1 * std::log(factor) + 1 : 1) * keys.positive_or("rope.scaling.attn_factor", 1);
  } else if (type == "longrope") {
    rope.magnitude = keys.positive_or("rope.scaling.attn_factor", 1);
  } else if (type != "none") {
    keys.refuse("rope.scaling.type", fmt::format("is '{}', known: none, linear, yarn, longrope", type));
  }
}

void read_rope(const HyperParameters& keys, const Checkpoint& checkpoint, DecoderParameters& parameters) {
  RopeParameters& rope = parameters.rope;
  const std::size_t head_size = parameters.head_size;
  rope.head_size = head_size;
  rope.rotated = keys.count_or("rope.dimension_count", head_size);
  if (rope.rotated > head_size || rope.rotated % 2 != 0)
    keys.refuse("rope.dimension_count",
                fmt::format("is {}, expected an even number up to the head size {}", rope.rotated, head_size));
  rope.base = keys.positive_or("rope.freq_base", 10000);
  read_scaling(keys, rope);
  rope.frequency_factors = read_frequency_factors(checkpoint, factors_name, rope.rotated / 2);
  if (checkpoint.find(short_factors_name) == nullptr) return;
  parameters.long_rope = rope;
  rope.frequency_factors = read_frequency_factors(checkpoint, short_factors_name, rope.rotated / 2);
  parameters.long_rope.frequency_factors = read_frequency_factors(checkpoint, long_factors_name, rope.rotated / 2);
  parameters.rope_switch = keys.count("rope.scaling.original_context_length");
}

float read_epsilon(const HyperParameters& keys, NormKind norm) {
  const char* const name = norm == NormKind::rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
  const double epsilon = keys.real(name);
  if (epsilon < 0 || epsilon >= 1) keys.refuse(name, fmt::format("is {}, expected 0 to 1", epsilon));
  return static_cast<float>(epsilon);
}

std::size_t read_vocabulary(const HyperParameters& keys, const Checkpoint& checkpoint) {
  const auto rows = checked_cast<std::size_t>(checkpoint.at("token_embd.weight").row_count());
  const std::size_t stated = keys.count_or("vocab_size", rows);
  if (stated != rows)
    keys.refuse("vocab_size", fmt::format("is {}, but tensor token_embd.weight has {} rows", stated, rows));
  const auto tokens = checkpoint.metadata().values().find("tokenizer.ggml.tokens");
  if (tokens == checkpoint.metadata().values().end()) return rows;
  const auto* const array = std::get_if<MetadataArray>(&tokens->second);
  if (array != nullptr && array->size() != rows)
    fail("{}: key tokenizer.ggml.tokens has {} entries, but tensor token_embd.weight has {} rows", checkpoint.source(),
         array->size(), rows);
  return rows;
}

DecoderParameters read_parameters(DecoderParameters parameters, const AdjustDecoder& adjust,
                                  const Checkpoint& checkpoint) {
  const HyperParameters keys(checkpoint.metadata(), parameters.architecture);
  if (keys.contains("expert_count")) keys.refuse("expert_count", "is present: mixtures of experts cannot be evaluated");
  parameters.context_length = keys.count("context_length");
  parameters.width = keys.count("embedding_length");
  parameters.layers = read_layers(keys, layer_count(keys, checkpoint));
  parameters.head_size = read_head_size(keys, parameters);
  parameters.epsilon = read_epsilon(keys, parameters.norm);
  if (parameters.positions == Positions::rope) read_rope(keys, checkpoint, parameters);
  parameters.vocabulary = read_vocabulary(keys, checkpoint);
  if (adjust) adjust(keys, parameters);
  complete_from_tensors(checkpoint, {factors_name, short_factors_name, long_factors_name}, parameters);
  return parameters;
}

}  // namespace

std::size_t HyperParameters::count(const char* name) const {
  return checked(name, metadata_.unsigned_integer(key(name)));
}

std::size_t HyperParameters::count_or(const char* name, std::size_t otherwise) const {
  return contains(name) ? count(name) : otherwise;
}

std::vector<std::size_t> HyperParameters::counts(const char* name, std::size_t layers) const {
  const auto found = metadata_.values().find(key(name));
  if (found == metadata_.values().end() || std::holds_alternative<MetadataScalar>(found->second))
    return std::vector<std::size_t>(layers, count(name));
  std::vector<std::size_t> values;
  for (const std::int64_t value : metadata_.integers(key(name)))
    values.push_back(checked(name, static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0))));
  if (values.size() != layers)
    refuse(name, fmt::format("has {} entries for {} layers ({})", values.size(), layers, key("block_count")));
  return values;
}

bool HyperParameters::flag_or(const char* name, bool otherwise) const {
  return contains(name) ? metadata_.boolean(key(name)) : otherwise;
}

double HyperParameters::positive_or(const char* name, double otherwise) const {
  if (!contains(name)) return otherwise;
  const double value = metadata_.real(key(name));
  if (value <= 0) refuse(name, fmt::format("is {}, expected a number above 0", value));
  return value;
}

std::string HyperParameters::text_or(const char* name, const char* otherwise) const {
  return contains(name) ? metadata_.text(key(name)) : otherwise;
}

void HyperParameters::refuse(const char* name, const std::string& reason) const {
  fail("{}: key {} {}", metadata_.file(), key(name), reason);
}

std::size_t HyperParameters::checked(const char* name, std::uint64_t value) const {
  constexpr std::uint64_t most = std::uint64_t{1} << 31;
  if (value == 0 || value >= most) refuse(name, fmt::format("is {}, expected 1 to {}", value, most - 1));
  return static_cast<std::size_t>(value);
}

Architecture decoder_architecture(DecoderParameters traits, AdjustDecoder adjust) {
  return {[traits = std::move(traits), adjust = std::move(adjust)](const Checkpoint& checkpoint) {
    return make_decoder(read_parameters(traits, adjust, checkpoint));
  }};
}

}  // namespace quantbench
