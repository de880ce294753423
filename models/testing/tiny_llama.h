// A small random Llama model in memory, for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "models/checkpoints/checkpoint.h"
#include "quantizers/formats/registry.h"

namespace quantbench::testing_support {

struct TinyLlama {
  std::uint32_t vocabulary = 37, width = 20, layers = 2, heads = 4, kv_heads = 2, head_size = 6, feed_forward = 27;
  bool tied = false;
  bool frequency_factors = false;
  double rope_base = 500;
  double linear_factor = 1;
  std::uint32_t seed = 1;
  /// Applied to the metadata and the tensors before the checkpoint is made: what malformed files look like.
  std::vector<std::pair<std::string, MetadataValue>> changed_keys{};
  std::vector<std::string> removed_keys{};
  std::vector<std::string> removed_tensors{};
  std::vector<std::pair<std::string, std::vector<std::uint64_t>>> added_tensors{};

  static constexpr float epsilon = 1e-5f;
};

class TinyLlamaBuilder {
 public:
  explicit TinyLlamaBuilder(TinyLlama options) : options_(std::move(options)), random_(options_.seed) {}

  Checkpoint build() {
    add_tensors();
    for (const auto& [name, dims] : options_.added_tensors) add(name, dims, 1, 0);
    std::erase_if(tensors_, [this](const CheckpointTensor& tensor) {
      return std::ranges::find(options_.removed_tensors, tensor.name) != options_.removed_tensors.end();
    });
    return Checkpoint(metadata(), tensors_, "tiny.gguf", {}, storage_);
  }

 private:
  using Storage = std::vector<std::vector<float>>;

  void add(const std::string& name, std::vector<std::uint64_t> dims, float spread, float center) {
    std::size_t count = 1;
    for (const std::uint64_t dim : dims) count *= dim;
    std::normal_distribution<float> normal(center, spread);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    storage_->push_back(std::move(values));
    CheckpointTensor tensor;
    tensor.name = name;
    tensor.dims = std::move(dims);
    tensor.type_name = "F32";
    tensor.bytes = std::as_bytes(std::span(std::as_const(storage_->back())));
    tensor.format = find_format("f32");
    tensors_.push_back(std::move(tensor));
  }

  void add_matrix(const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    add(name, {cols, rows}, 1.5f / std::sqrt(static_cast<float>(cols)), 0);
  }

  void add_tensors() {
    const TinyLlama& o = options_;
    add("token_embd.weight", {o.width, o.vocabulary}, 1, 0);
    for (std::uint32_t layer = 0; layer < o.layers; ++layer) {
      const std::string prefix = "blk." + std::to_string(layer) + ".";
      add(prefix + "attn_norm.weight", {o.width}, 0.3f, 1);
      add_matrix(prefix + "attn_q.weight", o.heads * o.head_size, o.width);
      add_matrix(prefix + "attn_k.weight", o.kv_heads * o.head_size, o.width);
      add_matrix(prefix + "attn_v.weight", o.kv_heads * o.head_size, o.width);
      add_matrix(prefix + "attn_output.weight", o.width, o.heads * o.head_size);
      add(prefix + "ffn_norm.weight", {o.width}, 0.3f, 1);
      add_matrix(prefix + "ffn_gate.weight", o.feed_forward, o.width);
      add_matrix(prefix + "ffn_up.weight", o.feed_forward, o.width);
      add_matrix(prefix + "ffn_down.weight", o.width, o.feed_forward);
    }
    add("output_norm.weight", {o.width}, 0.3f, 1);
    if (!o.tied) add_matrix("output.weight", o.vocabulary, o.width);
    if (o.frequency_factors) add("rope_freqs.weight", {o.head_size / 2}, 0.1f, 2);
  }

  Metadata metadata() const {
    const TinyLlama& o = options_;
    Metadata metadata("tiny.gguf");
    const auto set = [&](const std::string& key, MetadataScalar value) { metadata.set(key, std::move(value)); };
    set("general.architecture", std::string("llama"));
    set("llama.context_length", std::uint32_t{64});
    set("llama.embedding_length", o.width);
    set("llama.block_count", o.layers);
    set("llama.feed_forward_length", o.feed_forward);
    set("llama.attention.head_count", o.heads);
    set("llama.attention.head_count_kv", o.kv_heads);
    set("llama.attention.key_length", o.head_size);
    set("llama.attention.value_length", o.head_size);
    set("llama.rope.dimension_count", o.head_size);
    set("llama.rope.freq_base", static_cast<float>(o.rope_base));
    set("llama.attention.layer_norm_rms_epsilon", TinyLlama::epsilon);
    if (o.linear_factor != 1) {
      set("llama.rope.scaling.type", std::string("linear"));
      set("llama.rope.scaling.factor", static_cast<float>(o.linear_factor));
    }
    for (const auto& [key, value] : o.changed_keys) metadata.set(key, value);
    for (const auto& key : o.removed_keys) metadata.erase(key);
    return metadata;
  }

  TinyLlama options_;
  std::mt19937 random_;
  std::shared_ptr<Storage> storage_ = std::make_shared<Storage>();
  std::vector<CheckpointTensor> tensors_;
};

inline Checkpoint tiny_llama(TinyLlama options = {}) { return TinyLlamaBuilder(std::move(options)).build(); }

inline std::vector<std::int32_t> random_tokens(std::size_t count, std::uint32_t vocabulary, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::int32_t> uniform(0, static_cast<std::int32_t>(vocabulary) - 1);
  std::vector<std::int32_t> tokens(count);
  for (std::int32_t& token : tokens) token = uniform(random);
  return tokens;
}

}  // namespace quantbench::testing_support
