// GPT-NeoX and Pythia (Black et al. 2022; Biderman et al. 2023): attention and feed-forward network side by side, rotations of the
// first quarter of each head.
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{
    "gptneox", decoder_architecture({.architecture = "gptneox",
                                     .norm = NormKind::layer,
                                     .rope = {.pairing = RopePairing::halves},
                                     .activation = Activation::gelu,
                                     .gated = false},
                                    [](const HyperParameters& keys, DecoderParameters& parameters) {
                                      parameters.parallel = keys.flag_or("use_parallel_residual", true);
                                    })};

void translate(Translation& translation) {
  translation.set_decoder_keys();
  translation.set_rope_keys();
  translation.set_flag("use_parallel_residual", true);
  translation.require("hidden_act", "gelu");
  translation.add_tensor("embed_in", "token_embd");
  translation.add_tensor("final_layer_norm", "output_norm");
  translation.add_tensor("embed_out", "output");
  translation.add_layer_tensor("input_layernorm", "attn_norm");
  translation.add_layer_tensor("post_attention_layernorm", "ffn_norm");
  translation.add_layer_tensor("attention.query_key_value", "attn_qkv", {.fused_heads = translation.heads()});
  translation.add_layer_tensor("attention.dense", "attn_output");
  translation.add_layer_tensor("mlp.dense_h_to_4h", "ffn_up");
  translation.add_layer_tensor("mlp.dense_4h_to_h", "ffn_down");
  translation.ignore_layer_tensor("attention.bias");
  translation.ignore_layer_tensor("attention.masked_bias");
  translation.ignore_layer_tensor("attention.rotary_emb.inv_freq");
}

const Register<HuggingFaceFamily> family{"gpt_neox", {"gptneox", translate}};

}  // namespace
}  // namespace quantbench
