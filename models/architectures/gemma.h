// What Gemma 2 and 3 have in common: scaled embeddings, norms on both sides of attention and feed-forward network, gated GELU,
// layers that see a window only (Gemma Team 2024, 2025).
#pragma once

#include <cmath>
#include <cstddef>

#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {

inline DecoderParameters gemma_traits(const char* architecture) {
  return {.architecture = architecture,
          .rope = {.pairing = RopePairing::halves},
          .activation = Activation::gelu_tanh,
          .output_norms = true};
}

/// Every `pattern`-th layer sees all positions, the others `window` ones. Files do not hold the scale of queries: it is
/// 1 / sqrt(head size), but 1 / sqrt(width / heads) in the largest model, which has `wide_blocks` blocks.
inline void adjust_gemma(const HyperParameters& keys, std::size_t pattern, std::size_t wide_blocks,
                         DecoderParameters& parameters) {
  parameters.embedding_scale = std::sqrt(static_cast<float>(parameters.width));
  const auto heads = static_cast<double>(parameters.layers.front().heads);
  const double otherwise =
      parameters.layers.size() == wide_blocks ? std::sqrt(heads / static_cast<double>(parameters.width)) : 0;
  parameters.attention_scale =
      static_cast<float>(keys.contains("attention.scale") ? keys.positive_or("attention.scale", 1) : otherwise);
  const std::size_t every = keys.count_or("attention.sliding_window_pattern", pattern);
  for (std::size_t layer = 0; layer < parameters.layers.size(); ++layer) {
    parameters.layers[layer].local = (layer + 1) % every != 0;
    if (!parameters.layers[layer].local) parameters.layers[layer].window = 0;
  }
}

inline void translate_gemma(std::size_t pattern, Translation& translation) {
  translation.set_decoder_keys();
  translation.require("hidden_activation", "gelu_pytorch_tanh");
  translation.set_window("sliding_window");
  translation.set_window_pattern(pattern);
  translation.set_attention_scale("query_pre_attn_scalar");
  constexpr float one = 1;  // the norms' weights are stored without it
  translation.add_llama_tensors(one);
  translation.add_layer_tensor("post_attention_layernorm", "post_attention_norm", {.added = one});
  translation.add_layer_tensor("pre_feedforward_layernorm", "ffn_norm", {.added = one});
  translation.add_layer_tensor("post_feedforward_layernorm", "post_ffw_norm", {.added = one});
}

}  // namespace quantbench
