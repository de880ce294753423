#include "models/hugging_face/family.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/error.h"
#include "core/suggest.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

constexpr auto model_prefixes =
    std::to_array<std::string_view>({"model.decoder.", "decoder.", "language_model.model.", "model.language_model.",
                                     "model.", "transformer.", "gpt_neox."});

std::string_view without_model_prefix(std::string_view name) {
  for (const std::string_view prefix : model_prefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

/// A name in its parts: "model.layers.3.fc1.weight" is layer 3, stem "fc1", suffix ".weight".
struct NameParts {
  std::optional<std::size_t> layer;
  std::string_view part;  // stem and suffix
  std::string_view stem, suffix;
};

NameParts parts_of(std::string_view name, const std::string& layer_prefix) {
  NameParts parts;
  parts.part = without_model_prefix(name);
  if (parts.part.starts_with(layer_prefix + ".")) {
    const std::string_view rest = parts.part.substr(layer_prefix.size() + 1);
    std::size_t layer = 0;
    const auto number = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
    const auto digits = static_cast<std::size_t>(number.ptr - rest.data());
    if (number.ec == std::errc() && digits < rest.size() && rest[digits] == '.') {
      parts.layer = layer;
      parts.part = rest.substr(digits + 1);
    }
  }
  parts.stem = parts.part;
  for (const std::string_view suffix : {".weight", ".bias"})
    if (parts.part.ends_with(suffix)) {
      parts.stem.remove_suffix(suffix.size());
      parts.suffix = suffix;
    }
  return parts;
}

CheckpointTensor made_tensor(std::string name, std::vector<float> values) {
  CheckpointTensor tensor;
  tensor.name = std::move(name);
  tensor.dims = {values.size()};
  tensor.type_name = "F32";
  tensor.format = find_format("f32");
  tensor.make = [values = std::move(values)] {
    TensorData data("", 1, values.size(), find_format("f32"));
    std::ranges::copy(values, reinterpret_cast<float*>(data.row(0).row));
    return data;
  };
  return tensor;
}

std::vector<float> factors(const ConfigJson& scaling, const char* name, std::size_t pairs) {
  const auto numbers = scaling.reals(name);
  if (!numbers || numbers->size() != pairs)
    scaling.refuse(name, fmt::format("has {} numbers, expected {} (half of those of a head that are rotated)",
                                     numbers ? numbers->size() : 0, pairs));
  return {numbers->begin(), numbers->end()};
}

float real32(double value) { return static_cast<float>(value); }

}  // namespace

std::size_t Translation::head_size() const {
  if (const auto size = config_.count({"head_dim"})) return *size;
  const std::size_t width = config_.required_count({"hidden_size", "n_embd", "n_embed"});
  if (width % heads() != 0)
    config_.refuse("num_attention_heads", fmt::format("is {}, which does not divide {}", heads(), width));
  return width / heads();
}

void Translation::set_decoder_keys() {
  const auto number = [](std::size_t value) { return MetadataScalar(static_cast<std::uint32_t>(value)); };
  const std::size_t width = config_.required_count({"hidden_size", "n_embd", "n_embed"});
  // BLOOM has no positions to run out of; its configs may hold the length it was trained with.
  set("context_length",
      number(config_.count({"max_position_embeddings", "n_positions", "n_ctx", "seq_length"}).value_or(2048)));
  set("embedding_length", number(width));
  set("block_count", number(config_.required_count({"num_hidden_layers", "n_layer", "num_layers"})));
  set("feed_forward_length", number(config_.count({"intermediate_size", "n_inner", "ffn_dim"}).value_or(4 * width)));
  set("attention.head_count", number(heads()));
  set("attention.head_count_kv", number(kv_heads()));
  set("attention.key_length", number(head_size()));
  set("attention.value_length", number(head_size()));
  set("vocab_size", number(config_.required_count({"vocab_size"})));
  if (const auto epsilon = config_.real({"rms_norm_eps"})) {
    set("attention.layer_norm_rms_epsilon", real32(*epsilon));
  } else {
    // OPT's configs have none: it uses the default of its framework.
    const double layer_norm = config_.real({"layer_norm_eps", "layer_norm_epsilon"}).value_or(1e-5);
    set("attention.layer_norm_epsilon", real32(layer_norm));
  }
}

void Translation::set_rope_keys(const char* layer_type) {
  std::optional<ConfigJson> scaling = config_.object("rope_parameters");  // since 2025; the others before
  if (scaling && layer_type != nullptr && scaling->contains(layer_type)) scaling = scaling->object(layer_type);
  if (!scaling) scaling = config_.object("rope_scaling");
  const ConfigJson& source = scaling ? *scaling : config_;
  const auto real = [&](ConfigJson::Names names, double otherwise) {
    if (const auto inner = source.real(names)) return *inner;
    return config_.real(names).value_or(otherwise);
  };
  const double base = real({"rope_theta", "rotary_emb_base"}, 10000);
  const double share = real({"partial_rotary_factor", "rotary_pct"}, 1);
  const auto rotated = static_cast<std::size_t>(static_cast<double>(head_size()) * share);
  set("rope.freq_base", real32(base));
  set("rope.dimension_count", static_cast<std::uint32_t>(rotated));
  if (!scaling) return;
  const std::string type = scaling->text("rope_type").value_or(scaling->text("type").value_or("default"));
  if (type == "linear") {
    set("rope.scaling.type", std::string("linear"));
    set("rope.scaling.factor", real32(scaling->required_real({"factor"})));
  } else if (type == "llama3") {
    set_llama3_factors(*scaling, base, rotated);
  } else if (type == "yarn") {
    set_yarn(*scaling);
  } else if (type == "longrope" || type == "su") {
    set_long_factors(*scaling);
    for (const char* const length : {"short", "long"})
      add_made(fmt::format("rope_factors_{}.weight", length),
               factors(*scaling, fmt::format("{}_factor", length).c_str(), rotated / 2));
  } else if (type != "default") {
    scaling->refuse("rope_type", fmt::format("is '{}', known: default, linear, llama3, yarn, longrope", type));
  }
}

/// Llama 3.1: long waves are stretched by `factor`, short ones stay, in between linearly in the number of turns.
void Translation::set_llama3_factors(const ConfigJson& scaling, double base, std::size_t rotated) {
  const double factor = scaling.required_real({"factor"});
  const double low = scaling.required_real({"low_freq_factor"}), high = scaling.required_real({"high_freq_factor"});
  const double original = scaling.required_real({"original_max_position_embeddings"});
  std::vector<float> divisors;
  for (std::size_t pair = 0; pair < rotated / 2; ++pair) {
    const double frequency = std::pow(base, -2.0 * static_cast<double>(pair) / static_cast<double>(rotated));
    const double turns = original * frequency / (2 * std::numbers::pi);
    const double kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    divisors.push_back(real32(1 / ((1 - kept) / factor + kept)));
  }
  add_made("rope_freqs.weight", std::move(divisors));
}

void Translation::set_yarn(const ConfigJson& scaling) {
  const double factor = scaling.required_real({"factor"});
  set("rope.scaling.type", std::string("yarn"));
  set("rope.scaling.factor", real32(factor));
  set("rope.scaling.original_context_length",
      static_cast<std::uint32_t>(scaling.count({"original_max_position_embeddings"})
                                     .value_or(config_.required_count({"max_position_embeddings"}))));
  if (const auto fast = scaling.real({"beta_fast"})) set("rope.scaling.yarn_beta_fast", real32(*fast));
  if (const auto slow = scaling.real({"beta_slow"})) set("rope.scaling.yarn_beta_slow", real32(*slow));
  for (const char* const name : {"mscale", "mscale_all_dim"})
    if (scaling.contains(name)) scaling.refuse(name, "is there: only attention_factor is known");
  if (scaling.flag("truncate") == false) scaling.refuse("truncate", "is false: only whole bounds are known");
  // The key multiplies what the factor implies.
  if (const auto attention = scaling.real({"attention_factor"}))
    set("rope.scaling.attn_factor", real32(*attention / (factor > 1 ? 0.1 * std::log(factor) + 1 : 1)));
}

/// LongRoPE: the attention factor grows with how much longer the context became.
void Translation::set_long_factors(const ConfigJson& scaling) {
  const auto of = [&](const char* name) {
    const auto inner = scaling.count({name});
    return inner ? *inner : config_.required_count({name});
  };
  const std::size_t original = of("original_max_position_embeddings");
  const double stretch = scaling.real({"factor"})
                             .value_or(static_cast<double>(config_.required_count({"max_position_embeddings"})) /
                                       static_cast<double>(original));
  const double implied = stretch <= 1 ? 1 : std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(original)));
  set("rope.scaling.type", std::string("longrope"));
  set("rope.scaling.original_context_length", static_cast<std::uint32_t>(original));
  set("rope.scaling.attn_factor", real32(scaling.real({"attention_factor"}).value_or(implied)));
}

void Translation::set_local_rope_base() {
  double base = config_.real({"rope_local_base_freq"}).value_or(10000);
  if (const auto parameters = config_.object("rope_parameters"))
    if (const auto local = parameters->object("sliding_attention")) base = local->required_real({"rope_theta"});
  set("rope.freq_base_swa", real32(base));
}

void Translation::set_window(const char* member) {
  if (const auto window = config_.count({member})) set("attention.sliding_window", static_cast<std::uint32_t>(*window));
}

void Translation::set_window_pattern(std::size_t otherwise) {
  const std::size_t pattern = config_.count({"sliding_window_pattern", "_sliding_window_pattern"}).value_or(otherwise);
  set("attention.sliding_window_pattern", static_cast<std::uint32_t>(pattern));
  if (!config_.contains("layer_types")) return;
  const auto& types = config_.members().at("layer_types");
  for (std::size_t layer = 0; layer < types.size(); ++layer) {
    const bool local = (layer + 1) % pattern != 0;
    if (types[layer] != (local ? "sliding_attention" : "full_attention"))
      config_.refuse("layer_types", fmt::format("is {} for layer {}, expected every {} layers one with full_attention",
                                                types[layer].dump(), layer, pattern));
  }
}

void Translation::set_attention_scale(const char* member) {
  if (const auto scalar = config_.real({member})) {
    if (*scalar <= 0) config_.refuse(member, fmt::format("is {}, expected a number above 0", *scalar));
    set("attention.scale", real32(1 / std::sqrt(*scalar)));
  }
}

void Translation::set_real(const char* member) {
  if (const auto value = config_.real({member})) set(member, real32(*value));
}

void Translation::set_flag(const char* member, bool otherwise) {
  set(member, config_.flag(member).value_or(otherwise));
}

void Translation::require(const char* member, std::string_view expected) const {
  if (const auto text = config_.text(member); text && *text != expected)
    config_.refuse(member, fmt::format("is '{}', expected '{}'", *text, expected));
}

void Translation::refuse_true(const char* member) const {
  if (config_.flag(member).value_or(false)) config_.refuse(member, "is true, which the forward pass does not do");
}

void Translation::refuse_number(const char* member) const {
  if (config_.real({member})) config_.refuse(member, "is there, which the forward pass does not do");
}

void Translation::add_tensor(const std::string& name, const char* gguf_name, TensorRewrite rewrite) {
  tensors_[name] = {gguf_name, rewrite};
}

void Translation::add_layer_tensor(const std::string& name, const char* gguf_name, TensorRewrite rewrite) {
  layer_tensors_[name] = {gguf_name, rewrite};
}

void Translation::ignore_layer_tensor(const std::string& name) { ignored_.insert(name); }

void Translation::add_llama_tensors(float added_to_norms) {
  const TensorRewrite norm{.added = added_to_norms};
  add_tensor("embed_tokens", "token_embd");
  add_tensor("norm", "output_norm", norm);
  add_tensor("lm_head", "output");
  add_layer_tensor("input_layernorm", "attn_norm", norm);
  add_layer_tensor("post_attention_layernorm", "ffn_norm", norm);
  add_layer_tensor("self_attn.q_proj", "attn_q");
  add_layer_tensor("self_attn.k_proj", "attn_k");
  add_layer_tensor("self_attn.v_proj", "attn_v");
  add_layer_tensor("self_attn.o_proj", "attn_output");
  add_layer_tensor("mlp.gate_proj", "ffn_gate");
  add_layer_tensor("mlp.up_proj", "ffn_up");
  add_layer_tensor("mlp.down_proj", "ffn_down");
  ignore_layer_tensor("self_attn.rotary_emb.inv_freq");
}

void Translation::add_head_norms(float added) {
  add_layer_tensor("self_attn.q_norm", "attn_q_norm", {.added = added});
  add_layer_tensor("self_attn.k_norm", "attn_k_norm", {.added = added});
}

void Translation::pair_neighbours() {
  layer_tensors_.at("self_attn.q_proj").rewrite.rotated_heads = heads();
  layer_tensors_.at("self_attn.k_proj").rewrite.rotated_heads = kv_heads();
}

void Translation::add_made(std::string gguf_name, std::vector<float> values) {
  made_.emplace_back(std::move(gguf_name), std::move(values));
}

/// Empty: to be left out. Throws Error for a name that no rule covers.
std::string Translation::gguf_name(std::string_view name, TensorRewrite& rewrite) const {
  const NameParts parts = parts_of(name, layer_prefix_);
  if (parts.layer && ignored_.contains(parts.part)) return {};
  const auto& rules = parts.layer ? layer_tensors_ : tensors_;
  const auto found = rules.find(parts.stem);
  if (found == rules.end() || parts.suffix.empty())
    fail("{}: tensor {} is not one of a model of type {}; the forward pass would ignore it", config_.source(), name,
         config_.text("model_type").value_or(""));
  rewrite = found->second.rewrite;
  const std::string prefix = parts.layer ? fmt::format("blk.{}.", *parts.layer) : std::string();
  return fmt::format("{}{}{}", prefix, found->second.gguf_name, parts.suffix);
}

Checkpoint Translation::apply(const Checkpoint& files, bool tied) const {
  Metadata metadata(config_.source());
  metadata.set("general.architecture", MetadataScalar(architecture_));
  for (const auto& [key, value] : keys_) metadata.set(key, value);
  for (const auto& [key, value] : files.metadata().values())
    if (key.starts_with("quantization.")) metadata.set(key, value);
  std::vector<CheckpointTensor> tensors;
  bool has_output = false;
  for (const CheckpointTensor& tensor : files.tensors()) {
    TensorRewrite rewrite;
    std::string name = gguf_name(tensor.name, rewrite);
    if (name == "output.weight") {
      has_output = true;
      if (tied) continue;
    }
    if (!name.empty()) tensors.push_back(rewritten(tensor, rewrite, std::move(name), files.source()));
  }
  if (!tied && !has_output)
    fail("{}: no tensor of the output projection, which tie_word_embeddings (false) asks for", files.source());
  for (const auto& [name, values] : made_) tensors.push_back(made_tensor(name, values));
  return files.with_tensors(std::move(metadata), std::move(tensors));
}

Checkpoint translated(const Checkpoint& files) {
  if (!files.config()) fail("{}: no config.json beside the safetensors files", files.source());
  const ConfigJson config = ConfigJson::read(*files.config());
  const std::string type = config.text("model_type").value_or("");
  const auto& families = Registry<HuggingFaceFamily>::instance();
  if (!families.contains(type))
    config.refuse("model_type", fmt::format("is '{}'{}", type, suggestion(type, families.names())));
  const HuggingFaceFamily& family = families.at(type);
  Translation translation(family.architecture, config);
  family.translate(translation);
  return translation.apply(files, config.flag("tie_word_embeddings").value_or(family.tied));
}

}  // namespace quantbench
