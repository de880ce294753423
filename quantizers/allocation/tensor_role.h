// What a weight tensor is for, by its name: in GGUF files (blk.3.attn_v.weight) and in Hugging Face checkpoints
// (model.layers.3.self_attn.v_proj.weight).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace quantbench {

enum class TensorRole {
  attn_q,
  attn_k,
  attn_v,
  attn_qkv,  // the three in one
  attn_output,
  ffn_gate,
  ffn_up,
  ffn_down,
  token_embd,
  output,  // the projection to the vocabulary
  other,   // a matrix that no rule names: a linear layer
  never,   // norms, biases, routers, positions, token types, convolutions: too small, or not multiplied with
};

/// The role in the words of the mixes' rules: "attn_v". Throws Error for a word that is none of them.
TensorRole parse_role(std::string_view word);

TensorRole role_of(std::string_view tensor_name);

/// A linear layer: what methods of a single format act on.
bool is_linear(TensorRole role);

/// The number of the layer (or block) that the name says the tensor belongs to.
std::optional<std::size_t> layer_of(std::string_view tensor_name);

}  // namespace quantbench
