#include "models/architectures/llama_parameters.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <variant>

#include "core/checked.h"
#include "core/error.h"

namespace quantbench {
namespace {

constexpr const char* rope_factors_name = "rope_freqs.weight";

/// Reads llama.* keys with bounds; all errors name the file and the key.
class Keys {
 public:
  explicit Keys(const Metadata& metadata) : metadata_(metadata) {}

  bool contains(const char* name) const { return metadata_.contains(key(name)); }

  /// A count >= 1 that fits the sizes of a model.
  std::size_t count(const char* name) const { return checked(name, metadata_.unsigned_integer(key(name))); }
  std::size_t count_or(const char* name, std::size_t otherwise) const {
    return contains(name) ? count(name) : otherwise;
  }

  /// One count for each layer, from a scalar or an array.
  std::vector<std::size_t> counts(const char* name, std::size_t layers) const {
    const auto found = metadata_.values().find(key(name));
    if (found == metadata_.values().end() || std::holds_alternative<MetadataScalar>(found->second))
      return std::vector<std::size_t>(layers, count(name));
    std::vector<std::size_t> values;
    for (const std::int64_t value : metadata_.integers(key(name)))
      values.push_back(checked(name, static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0))));
    if (values.size() != layers)
      refuse(name, fmt::format("has {} entries for {} layers (llama.block_count)", values.size(), layers));
    return values;
  }

  double positive_or(const char* name, double otherwise) const {
    if (!contains(name)) return otherwise;
    const double value = metadata_.real(key(name));
    if (value <= 0) refuse(name, fmt::format("is {}, expected a number above 0", value));
    return value;
  }

  std::string text_or(const char* name, const char* otherwise) const {
    return contains(name) ? metadata_.text(key(name)) : otherwise;
  }

  double real(const char* name) const { return metadata_.real(key(name)); }

  [[noreturn]] void refuse(const char* name, const std::string& reason) const {
    fail("{}: key {} {}", metadata_.file(), key(name), reason);
  }

 private:
  static std::string key(const char* name) { return std::string("llama.") + name; }

  std::size_t checked(const char* name, std::uint64_t value) const {
    constexpr std::uint64_t most = std::uint64_t{1} << 31;
    if (value == 0 || value >= most) refuse(name, fmt::format("is {}, expected 1 to {}", value, most - 1));
    return static_cast<std::size_t>(value);
  }

  const Metadata& metadata_;
};

std::size_t layer_count(const Keys& keys, const Checkpoint& checkpoint) {
  const std::size_t layers = keys.count("block_count");
  // Each layer has tensors of its own: a larger count is wrong, and must not size an allocation.
  if (layers > checkpoint.tensors().size())
    keys.refuse("block_count",
                fmt::format("is {}, more than the file has tensors ({})", layers, checkpoint.tensors().size()));
  return layers;
}

std::vector<LlamaLayer> read_layers(const Keys& keys, std::size_t count) {
  const std::vector<std::size_t> heads = keys.counts("attention.head_count", count);
  const std::vector<std::size_t> feed_forward = keys.counts("feed_forward_length", count);
  const std::vector<std::size_t> kv_heads =
      keys.contains("attention.head_count_kv") ? keys.counts("attention.head_count_kv", count) : heads;
  std::vector<LlamaLayer> layers(count);
  for (std::size_t index = 0; index < count; ++index) {
    layers[index] = {heads[index], kv_heads[index], feed_forward[index]};
    if (heads[index] % kv_heads[index] != 0)
      keys.refuse("attention.head_count_kv", fmt::format("is {} in layer {}, which does not divide the {} heads",
                                                         kv_heads[index], index, heads[index]));
  }
  return layers;
}

std::size_t read_head_size(const Keys& keys, const LlamaParameters& parameters) {
  const std::size_t heads = parameters.layers.front().heads;
  if (!keys.contains("attention.key_length") && parameters.width % heads != 0)
    keys.refuse("attention.head_count",
                fmt::format("is {}, which does not divide llama.embedding_length {}", heads, parameters.width));
  const std::size_t head_size =
      keys.count_or("attention.key_length", std::max<std::size_t>(parameters.width / heads, 1));
  if (head_size % 2 != 0) keys.refuse("attention.key_length", fmt::format("gives heads of odd size {}", head_size));
  const std::size_t value_size = keys.count_or("attention.value_length", head_size);
  if (value_size != head_size)
    keys.refuse("attention.value_length", fmt::format("is {}, expected {} as the keys have", value_size, head_size));
  const std::size_t rotated = keys.count_or("rope.dimension_count", head_size);
  if (rotated != head_size)
    keys.refuse("rope.dimension_count", fmt::format("is {}, expected the head size {}", rotated, head_size));
  return head_size;
}

double read_linear_factor(const Keys& keys) {
  const double factor = keys.positive_or("rope.scaling.factor", keys.positive_or("rope.scale_linear", 1));
  const std::string type = keys.text_or("rope.scaling.type", "linear");
  if (type == "none") return 1;
  if (type != "linear") keys.refuse("rope.scaling.type", fmt::format("is '{}', known: none, linear", type));
  if (const double attention = keys.positive_or("rope.scaling.attn_factor", 1); attention != 1)
    keys.refuse("rope.scaling.attn_factor", fmt::format("is {}, only 1 is known", attention));
  return factor;
}

std::vector<float> read_frequency_factors(const Checkpoint& checkpoint, std::size_t pairs) {
  const CheckpointTensor* const found = checkpoint.find(rope_factors_name);
  if (found == nullptr) return {};
  const Tensor tensor = found->tensor();
  if (tensor.rows != 1 || tensor.cols != pairs)
    fail("{}: tensor {} has shape {} x {}, expected {} factors (half of the head size)", checkpoint.source(),
         tensor.name, tensor.cols, tensor.rows, pairs);
  std::vector<float> factors(pairs);
  tensor.format->decode(*tensor.format, tensor.row(0), tensor.cols, 0, factors);
  for (const float factor : factors) {
    if (!std::isfinite(factor) || factor <= 0)
      fail("{}: tensor {} holds {}, expected numbers above 0", checkpoint.source(), tensor.name, factor);
  }
  return factors;
}

RopeParameters read_rope(const Keys& keys, const Checkpoint& checkpoint, std::size_t head_size) {
  return {.head_size = head_size,
          .base = keys.positive_or("rope.freq_base", 10000),
          .linear_factor = read_linear_factor(keys),
          .frequency_factors = read_frequency_factors(checkpoint, head_size / 2)};
}

float read_epsilon(const Keys& keys) {
  const double epsilon = keys.real("attention.layer_norm_rms_epsilon");
  if (epsilon < 0 || epsilon >= 1)
    keys.refuse("attention.layer_norm_rms_epsilon", fmt::format("is {}, expected 0 to 1", epsilon));
  return static_cast<float>(epsilon);
}

std::size_t read_vocabulary(const Keys& keys, const Checkpoint& checkpoint) {
  const std::size_t rows = checked_cast<std::size_t>(checkpoint.at("token_embd.weight").row_count());
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

void check_shape(const Checkpoint& checkpoint, const TensorShape& expected) {
  const CheckpointTensor& tensor = checkpoint.at(expected.name);
  if (tensor.row_length() != expected.cols || tensor.row_count() != expected.rows)
    fail("{}: tensor {} has shape {} x {}, expected {} x {}", checkpoint.source(), expected.name, tensor.row_length(),
         tensor.row_count(), expected.cols, expected.rows);
  if (!tensor.format)
    fail("{}: tensor {}: type {} cannot be decoded", checkpoint.source(), expected.name, tensor.type_name);
}

void check_tensors(const Checkpoint& checkpoint, const LlamaParameters& parameters) {
  std::set<std::string_view> known{rope_factors_name};
  const std::vector<TensorShape> tensors = llama_tensors(parameters);
  for (const TensorShape& expected : tensors) {
    check_shape(checkpoint, expected);
    known.insert(expected.name);
  }
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (!known.contains(tensor.name))
      fail("{}: tensor {} is not one of a plain Llama model; the forward pass would ignore it", checkpoint.source(),
           tensor.name);
  }
}

}  // namespace

std::string layer_tensor(std::size_t layer, const char* part) { return fmt::format("blk.{}.{}.weight", layer, part); }

std::vector<TensorShape> llama_tensors(const LlamaParameters& parameters) {
  const std::size_t width = parameters.width;
  std::vector<TensorShape> tensors{{"token_embd.weight", parameters.vocabulary, width}};
  for (std::size_t index = 0; index < parameters.layers.size(); ++index) {
    const LlamaLayer& layer = parameters.layers[index];
    const std::size_t queries = checked_multiply(layer.heads, parameters.head_size);
    const std::size_t keys = checked_multiply(layer.kv_heads, parameters.head_size);
    tensors.push_back({layer_tensor(index, "attn_norm"), 1, width});
    tensors.push_back({layer_tensor(index, "attn_q"), queries, width});
    tensors.push_back({layer_tensor(index, "attn_k"), keys, width});
    tensors.push_back({layer_tensor(index, "attn_v"), keys, width});
    tensors.push_back({layer_tensor(index, "attn_output"), width, queries});
    tensors.push_back({layer_tensor(index, "ffn_norm"), 1, width});
    tensors.push_back({layer_tensor(index, "ffn_gate"), layer.feed_forward, width});
    tensors.push_back({layer_tensor(index, "ffn_up"), layer.feed_forward, width});
    tensors.push_back({layer_tensor(index, "ffn_down"), width, layer.feed_forward});
  }
  tensors.push_back({"output_norm.weight", 1, width});
  if (!parameters.tied_output) tensors.push_back({"output.weight", parameters.vocabulary, width});
  return tensors;
}

LlamaParameters read_llama_parameters(const Checkpoint& checkpoint) {
  const Keys keys(checkpoint.metadata());
  if (keys.contains("expert_count")) keys.refuse("expert_count", "is present: mixtures of experts cannot be evaluated");
  LlamaParameters parameters;
  parameters.context_length = keys.count("context_length");
  parameters.width = keys.count("embedding_length");
  parameters.layers = read_layers(keys, layer_count(keys, checkpoint));
  parameters.head_size = read_head_size(keys, parameters);
  parameters.rms_epsilon = read_epsilon(keys);
  parameters.rope = read_rope(keys, checkpoint, parameters.head_size);
  if (keys.contains("attention.sliding_window")) parameters.sliding_window = keys.count("attention.sliding_window");
  parameters.vocabulary = read_vocabulary(keys, checkpoint);
  parameters.tied_output = checkpoint.find("output.weight") == nullptr;
  check_tensors(checkpoint, parameters);
  return parameters;
}

}  // namespace quantbench
