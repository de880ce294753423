// Hugging Face checkpoints (config.json and safetensors) brought to GGUF's conventions: its metadata keys, its names of tensors
// and the order of rows that its converters make. What evaluates and quantizes models knows these conventions alone.
//
// A family is registered under its `model_type` and says how: see architectures/qwen2.cpp for a short one.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry.h"
#include "models/checkpoints/checkpoint.h"
#include "models/hugging_face/config_json.h"
#include "models/hugging_face/tensor_rewrite.h"

namespace quantbench {

/// Collects what becomes of a checkpoint. Names of tensors are given without ".weight" and ".bias", those of layers without
/// "<prefix>.<number>.", and without the prefixes that whole models have in some files ("model.", "transformer." ...).
class Translation {
 public:
  Translation(std::string architecture, const ConfigJson& config)
      : config_(config), architecture_(std::move(architecture)) {}

  const ConfigJson& config() const { return config_; }
  std::size_t heads() const { return config_.required_count({"num_attention_heads", "n_head"}); }
  std::size_t kv_heads() const { return config_.count({"num_key_value_heads"}).value_or(heads()); }

  /// `<architecture>.<key>`
  void set(const char* key, MetadataScalar value) {
    keys_.insert_or_assign(architecture_ + "." + key, std::move(value));
  }
  /// Sizes of the model and of its blocks, the epsilon of its norms, the size of its vocabulary.
  void set_decoder_keys();
  /// The base of rotations, the share of a head that they turn, and their scaling: none, linear, llama3, yarn, longrope.
  /// `layer_type`: where a config has parameters for each type of layers, those to take.
  void set_rope_keys(const char* layer_type = nullptr);
  /// The base of layers that see a window only.
  void set_local_rope_base();
  /// A window of attention, where there is one.
  void set_window(const char* member);
  /// Every how many layers attention sees all; checked against `layer_types`.
  void set_window_pattern(std::size_t otherwise);
  /// 1 / sqrt of the member.
  void set_attention_scale(const char* member);
  void set_real(const char* member);
  void set_flag(const char* member, bool otherwise);

  /// Throws Error when the member is there and is another text.
  void require(const char* member, std::string_view expected) const;
  /// Throws Error when the member is true: the forward pass does not know what it asks for.
  void refuse_true(const char* member) const;
  void refuse_number(const char* member) const;

  void add_tensor(const std::string& name, const char* gguf_name, TensorRewrite rewrite = {});
  void set_layer_prefix(std::string prefix) { layer_prefix_ = std::move(prefix); }  // "layers" unless set
  void add_layer_tensor(const std::string& name, const char* gguf_name, TensorRewrite rewrite = {});
  /// A buffer that holds no weights.
  void ignore_layer_tensor(const std::string& name);
  /// Embedding, norms, attention and gated feed-forward network as Llama and its relatives name them.
  void add_llama_tensors(float added_to_norms = 0);
  void add_head_norms(float added = 0);
  /// Queries and keys as GGUF files of Llama have them.
  void pair_neighbours();
  /// A tensor that files do not hold.
  void add_made(std::string gguf_name, std::vector<float> values);

  /// The result: metadata, and every tensor under its new name. Throws Error for a tensor that no rule names.
  /// `tied`: the output projection is the embedding, and a copy of it in the file is left out.
  Checkpoint apply(const Checkpoint& files, bool tied) const;

 private:
  void set_llama3_factors(const ConfigJson& scaling, double base, std::size_t rotated);
  void set_long_factors(const ConfigJson& scaling);
  void set_yarn(const ConfigJson& scaling);
  std::size_t head_size() const;
  std::string gguf_name(std::string_view name, TensorRewrite& rewrite) const;

  struct Rule {
    std::string gguf_name;
    TensorRewrite rewrite;
  };

  const ConfigJson& config_;
  std::string architecture_;
  std::string layer_prefix_ = "layers";
  std::map<std::string, MetadataValue> keys_;
  std::map<std::string, Rule, std::less<>> tensors_, layer_tensors_;
  std::set<std::string, std::less<>> ignored_;
  std::vector<std::pair<std::string, std::vector<float>>> made_;
};

/// Registered by each architecture file under config.json's model_type.
struct HuggingFaceFamily {
  static constexpr const char* kind = "Hugging Face model type";
  std::string architecture;  // general.architecture
  std::function<void(Translation&)> translate;
  bool tied = false;  // what `tie_word_embeddings` is when config.json does not say
};

/// The checkpoint in GGUF's conventions. Throws Error: an unknown model type (with the known ones), members that are missing or
/// ask for something else than the forward pass does, tensors that are missing or not known.
Checkpoint translated(const Checkpoint& files);

}  // namespace quantbench
