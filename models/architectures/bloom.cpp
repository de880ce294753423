// BLOOM (BigScience 2022): ALiBi instead of positions, a norm after the embedding.
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{"bloom", decoder_architecture({.architecture = "bloom",
                                                                       .norm = NormKind::layer,
                                                                       .positions = Positions::alibi,
                                                                       .activation = Activation::gelu_tanh,
                                                                       .gated = false,
                                                                       .embedding_norm = true})};

void translate(Translation& translation) {
  translation.set_decoder_keys();
  translation.refuse_true("apply_residual_connection_post_layernorm");
  translation.add_tensor("word_embeddings", "token_embd");
  translation.add_tensor("word_embeddings_layernorm", "token_embd_norm");
  translation.add_tensor("ln_f", "output_norm");
  translation.add_tensor("lm_head", "output");
  translation.set_layer_prefix("h");
  translation.add_layer_tensor("input_layernorm", "attn_norm");
  translation.add_layer_tensor("post_attention_layernorm", "ffn_norm");
  translation.add_layer_tensor("self_attention.query_key_value", "attn_qkv", {.fused_heads = translation.heads()});
  translation.add_layer_tensor("self_attention.dense", "attn_output");
  translation.add_layer_tensor("mlp.dense_h_to_4h", "ffn_up");
  translation.add_layer_tensor("mlp.dense_4h_to_h", "ffn_down");
}

const Register<HuggingFaceFamily> family{"bloom", {"bloom", translate, true}};

}  // namespace
}  // namespace quantbench
