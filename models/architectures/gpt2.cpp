// GPT-2 (Radford et al. 2019): learned positions, LayerNorm, biases everywhere.
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{"gpt2", decoder_architecture({.architecture = "gpt2",
                                                                      .norm = NormKind::layer,
                                                                      .positions = Positions::learned,
                                                                      .activation = Activation::gelu_tanh,
                                                                      .gated = false})};

/// Its matrices are stored by input instead of by output.
void translate(Translation& translation) {
  translation.set_decoder_keys();
  translation.require("activation_function", "gelu_new");
  translation.refuse_true("scale_attn_by_inverse_layer_idx");
  translation.add_tensor("wte", "token_embd");
  translation.add_tensor("wpe", "position_embd");
  translation.add_tensor("ln_f", "output_norm");
  translation.add_tensor("lm_head", "output");
  translation.set_layer_prefix("h");
  translation.add_layer_tensor("ln_1", "attn_norm");
  translation.add_layer_tensor("ln_2", "ffn_norm");
  translation.add_layer_tensor("attn.c_attn", "attn_qkv", {.transposed = true});
  translation.add_layer_tensor("attn.c_proj", "attn_output", {.transposed = true});
  translation.add_layer_tensor("mlp.c_fc", "ffn_up", {.transposed = true});
  translation.add_layer_tensor("mlp.c_proj", "ffn_down", {.transposed = true});
  translation.ignore_layer_tensor("attn.bias");
  translation.ignore_layer_tensor("attn.masked_bias");
}

const Register<HuggingFaceFamily> family{"gpt2", {"gpt2", translate, true}};

}  // namespace
}  // namespace quantbench
