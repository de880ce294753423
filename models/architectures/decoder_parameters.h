// What a decoder-only transformer is made of, for all families: which norms, positions, activations and extras its blocks have,
// how large they are, and the tensors that this implies. A family is a function that fills this in (llama.cpp, opt.cpp ...).
//
//   stream = embedding(tokens) * embedding_scale [+ position] [norm] [project_in]
//   for each block:
//     stream += [post_norm](attention([norm](stream)))        sequential; with `parallel` both read the stream before the block;
//     stream += [post_norm](feed_forward([norm](stream)))     with `norm_after` the norm follows the sum instead
//   logits = soft_cap(output * [project_out](norm(stream)))
//
// Names of tensors are those of GGUF files.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "models/architectures/blocks/activation.h"
#include "models/architectures/blocks/rope.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

struct DecoderLayer {
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  // divides heads
  std::size_t feed_forward = 0;
  std::size_t window = 0;  // positions that attention sees; 0: all
  bool local = false;      // turned by `local_rope` instead of `rope`
};

enum class NormKind { rms, layer };
enum class Positions { rope, learned, alibi };

struct DecoderParameters {
  std::string architecture;  // of GGUF: the prefix of its keys
  std::size_t context_length = 0;
  std::size_t width = 0;  // of the residual stream; embedding_length
  std::size_t head_size = 0;
  std::size_t vocabulary = 0;
  std::vector<DecoderLayer> layers{};

  NormKind norm = NormKind::rms;
  float epsilon = 0;
  Positions positions = Positions::rope;
  RopeParameters rope{}, local_rope{};
  /// Rotations of windows longer than rope_switch positions (0: none): Phi-3 has factors for short and for long texts.
  RopeParameters long_rope{};
  std::size_t rope_switch = 0;
  std::size_t position_offset = 0;  // the row of position_embd that belongs to position 0

  Activation activation = Activation::silu;
  bool gated = true;            // function(gate) * up; else function(up)
  bool parallel = false;        // attention and feed-forward read the same stream
  bool norm_after = false;      // norms follow the sums, and there is none after the last block
  bool head_norms = false;      // RMSNorm of each head's query and key: attn_q_norm, attn_k_norm
  bool output_norms = false;    // norms of what attention and feed-forward add: post_attention_norm, post_ffw_norm
  bool embedding_norm = false;  // token_embd_norm
  float embedding_scale = 1;
  float attention_scale = 0;                         // 0: 1 / sqrt(head_size)
  float attention_soft_cap = 0, logit_soft_cap = 0;  // 0: none
  std::size_t embedding_width = 0;  // 0: width; else projected in and out by matrices of that many columns (OPT 350m)

  // Read from the tensors that are there:
  bool tied_output = false;         // no output.weight: the embedding is used
  bool fused_attention = false;     // attn_qkv: rows of queries, then of keys, then of values
  bool fused_feed_forward = false;  // ffn_up: rows of the gate, then of up
  bool attention_input_bias = false, attention_output_bias = false, feed_forward_bias = false, norm_bias = false;
  bool output_bias = false;

  std::size_t query_size(std::size_t layer) const { return layers[layer].heads * head_size; }
  std::size_t key_size(std::size_t layer) const { return layers[layer].kv_heads * head_size; }
  std::size_t embedding_cols() const { return embedding_width == 0 ? width : embedding_width; }
};

/// "blk.<layer>.<part>.weight", or another suffix
std::string layer_tensor(std::size_t layer, const char* part, const char* suffix = "weight");

/// Sets what is read from the tensors that are there, then checks presence and shape of every tensor. Throws Error naming file
/// and tensor: missing or misshapen ones, those of types that are not decoded, and those that the forward pass would ignore
/// (but for `read_elsewhere`: frequency factors).
void complete_from_tensors(const Checkpoint& checkpoint, const std::vector<std::string>& read_elsewhere,
                           DecoderParameters& parameters);

}  // namespace quantbench
