#include "models/architectures/decoder_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "core/checked.h"
#include "core/error.h"

namespace quantbench {
namespace {

struct TensorShape {
  std::string name;
  std::size_t rows = 0, cols = 0;
};

/// Every tensor that the parameters ask for, in model order.
class TensorList {
 public:
  explicit TensorList(const DecoderParameters& parameters) : p_(parameters) {}

  std::vector<TensorShape> all() && {
    add("token_embd.weight", p_.vocabulary, p_.embedding_cols());
    if (p_.positions == Positions::learned)
      add("position_embd.weight", p_.context_length + p_.position_offset, p_.width);
    if (p_.embedding_width != 0) add("token_embd_in.weight", p_.width, p_.embedding_width);
    if (p_.embedding_norm) add_norm("token_embd_norm", p_.width);
    for (std::size_t layer = 0; layer < p_.layers.size(); ++layer) add_layer(layer);
    if (!p_.norm_after) add_norm("output_norm", p_.width);
    if (p_.embedding_width != 0) add("output_out.weight", p_.embedding_width, p_.width);
    if (!p_.tied_output) add("output.weight", p_.vocabulary, p_.embedding_cols());
    if (p_.output_bias) add("output.bias", 1, p_.vocabulary);
    return std::move(tensors_);
  }

 private:
  void add(std::string name, std::size_t rows, std::size_t cols) { tensors_.push_back({std::move(name), rows, cols}); }

  void add_norm(const std::string& name, std::size_t cols) {
    add(name + ".weight", 1, cols);
    if (p_.norm_bias) add(name + ".bias", 1, cols);
  }

  void add_linear(const std::string& name, std::size_t rows, std::size_t cols, bool bias) {
    add(name + ".weight", rows, cols);
    if (bias) add(name + ".bias", 1, rows);
  }

  void add_layer(std::size_t layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    const std::size_t width = p_.width, inner = p_.layers[layer].feed_forward;
    const std::size_t queries = p_.query_size(layer), keys = p_.key_size(layer);
    add_norm(prefix + "attn_norm", width);
    if (p_.fused_attention) {
      add_linear(prefix + "attn_qkv", checked_add(queries, checked_multiply(std::size_t{2}, keys)), width,
                 p_.attention_input_bias);
    } else {
      add_linear(prefix + "attn_q", queries, width, p_.attention_input_bias);
      add_linear(prefix + "attn_k", keys, width, p_.attention_input_bias);
      add_linear(prefix + "attn_v", keys, width, p_.attention_input_bias);
    }
    if (p_.head_norms) {
      add(prefix + "attn_q_norm.weight", 1, p_.head_size);
      add(prefix + "attn_k_norm.weight", 1, p_.head_size);
    }
    add_linear(prefix + "attn_output", width, queries, p_.attention_output_bias);
    if (p_.output_norms) add_norm(prefix + "post_attention_norm", width);
    add_norm(prefix + "ffn_norm", width);
    if (p_.gated && !p_.fused_feed_forward) add_linear(prefix + "ffn_gate", inner, width, p_.feed_forward_bias);
    add_linear(prefix + "ffn_up", p_.fused_feed_forward ? checked_multiply(std::size_t{2}, inner) : inner, width,
               p_.feed_forward_bias);
    add_linear(prefix + "ffn_down", width, inner, p_.feed_forward_bias);
    if (p_.output_norms) add_norm(prefix + "post_ffw_norm", width);
  }

  const DecoderParameters& p_;
  std::vector<TensorShape> tensors_;
};

void check_shape(const Checkpoint& checkpoint, const TensorShape& expected) {
  const CheckpointTensor& tensor = checkpoint.at(expected.name);
  if (tensor.row_length() != expected.cols || tensor.row_count() != expected.rows)
    fail("{}: tensor {} has shape {} x {}, expected {} x {}", checkpoint.source(), expected.name, tensor.row_length(),
         tensor.row_count(), expected.cols, expected.rows);
  if (!tensor.format)
    fail("{}: tensor {}: type {} cannot be decoded", checkpoint.source(), expected.name, tensor.type_name);
}

}  // namespace

std::string layer_tensor(std::size_t layer, const char* part, const char* suffix) {
  return fmt::format("blk.{}.{}.{}", layer, part, suffix);
}

void complete_from_tensors(const Checkpoint& checkpoint, const std::vector<std::string>& read_elsewhere,
                           DecoderParameters& parameters) {
  const auto first_layer_has = [&](const char* part, const char* suffix) {
    return checkpoint.find(layer_tensor(0, part, suffix)) != nullptr;
  };
  parameters.tied_output = checkpoint.find("output.weight") == nullptr;
  parameters.output_bias = checkpoint.find("output.bias") != nullptr;
  parameters.fused_attention = first_layer_has("attn_qkv", "weight");
  const CheckpointTensor* const up = checkpoint.find(layer_tensor(0, "ffn_up"));
  parameters.fused_feed_forward = parameters.gated && !first_layer_has("ffn_gate", "weight") && up != nullptr &&
                                  up->row_count() == 2 * parameters.layers.front().feed_forward;
  parameters.attention_input_bias = first_layer_has(parameters.fused_attention ? "attn_qkv" : "attn_q", "bias");
  parameters.attention_output_bias = first_layer_has("attn_output", "bias");
  parameters.feed_forward_bias = first_layer_has("ffn_up", "bias");
  parameters.norm_bias = parameters.norm == NormKind::layer && first_layer_has("attn_norm", "bias");

  std::set<std::string_view> known(read_elsewhere.begin(), read_elsewhere.end());
  const std::vector<TensorShape> tensors = TensorList(parameters).all();
  for (const TensorShape& expected : tensors) {
    check_shape(checkpoint, expected);
    known.insert(expected.name);
  }
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (!known.contains(tensor.name))
      fail(
          "{}: tensor {} is not one of a model of architecture {} with these hyper-parameters; the forward pass would "
          "ignore it",
          checkpoint.source(), tensor.name, parameters.architecture);
  }
}

}  // namespace quantbench
