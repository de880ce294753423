#include "models/architectures/decoder_groups.h"

#include <numeric>
#include <string>

namespace quantbench {
namespace {

std::vector<std::size_t> rows_from(std::size_t first, std::size_t count) {
  std::vector<std::size_t> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

class BlockGroups {
 public:
  BlockGroups(const DecoderParameters& parameters, std::size_t block) : p_(parameters), block_(block) {}

  std::vector<InputGroup> all() const {
    std::vector<InputGroup> groups(decoder_group_count);
    groups[attention_inputs] = after_norm("attn_norm", attention_layers());
    groups[attention_mix] = after_values();
    groups[feed_forward_input] = after_norm("ffn_norm", feed_forward_layers());
    groups[feed_forward_inner] = after_activation();
    for (const DecoderGroup adds : {attention_mix, feed_forward_inner})
      groups[adds].adds_to_stream = !p_.output_norms && !p_.norm_after;
    return groups;
  }

 private:
  std::vector<const char*> attention_layers() const {
    if (p_.fused_attention) return {"attn_qkv"};
    return {"attn_q", "attn_k", "attn_v"};
  }

  std::vector<const char*> feed_forward_layers() const {
    if (p_.gated && !p_.fused_feed_forward) return {"ffn_gate", "ffn_up"};
    return {"ffn_up"};
  }

  std::string name(const char* part) const { return layer_tensor(block_, part); }

  std::string bias_of(bool biased, const char* part) const {
    return biased ? layer_tensor(block_, part, "bias") : std::string();
  }

  /// A norm's weights feed no other layers; but where norms follow the sums, the stream itself is read.
  InputGroup after_norm(const char* norm, const std::vector<const char*>& parts) const {
    InputGroup group;
    for (const char* part : parts) group.layers.push_back(name(part));
    group.producer = name(norm);
    group.producer_bias = bias_of(p_.norm_bias, norm);
    group.kind = ProducerKind::norm;
    group.producer_rows = rows_from(0, p_.width);
    group.scalable = !p_.norm_after;
    return group;
  }

  /// Attention mixes values with weights that do not depend on them. Head h reads value head h / repeats.
  InputGroup after_values() const {
    const DecoderLayer& shape = p_.layers[block_];
    const char* const part = p_.fused_attention ? "attn_qkv" : "attn_v";
    const std::size_t first = p_.fused_attention ? p_.query_size(block_) + p_.key_size(block_) : 0;
    InputGroup group;
    group.layers = {name("attn_output")};
    group.producer = name(part);
    group.producer_bias = bias_of(p_.attention_input_bias, part);
    group.kind = ProducerKind::linear;
    group.repeats = shape.heads / shape.kv_heads;
    group.producer_rows.resize(p_.query_size(block_));
    for (std::size_t column = 0; column < group.producer_rows.size(); ++column)
      group.producer_rows[column] =
          first + column / p_.head_size / group.repeats * p_.head_size + column % p_.head_size;
    group.scalable = true;
    group.mixable = p_.fused_attention || p_.attention_input_bias ? 1 : p_.head_size;
    return group;
  }

  /// function(gate) * up is linear in up; max(up, 0) takes out positive factors; other functions do neither.
  InputGroup after_activation() const {
    const std::size_t inner = p_.layers[block_].feed_forward;
    InputGroup group;
    group.layers = {name("ffn_down")};
    group.producer = name("ffn_up");
    group.producer_bias = bias_of(p_.feed_forward_bias, "ffn_up");
    group.kind = ProducerKind::linear;
    group.producer_rows = rows_from(p_.fused_feed_forward ? inner : 0, inner);
    group.scalable = p_.gated || p_.activation == Activation::relu;
    return group;
  }

  const DecoderParameters& p_;
  std::size_t block_;
};

}  // namespace

std::vector<InputGroup> decoder_input_groups(const DecoderParameters& parameters, std::size_t block) {
  return BlockGroups(parameters, block).all();
}

}  // namespace quantbench
