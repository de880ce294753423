// OPT (Zhang et al. 2022): learned positions whose first two rows serve for padding, ReLU. The 350m model has its norms after the
// sums and a narrower embedding. GGUF has no architecture of this name elsewhere: files written here are for quantbench.
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{
    "opt", decoder_architecture({.architecture = "opt",
                                 .norm = NormKind::layer,
                                 .positions = Positions::learned,
                                 .position_offset = 2,
                                 .activation = Activation::relu,
                                 .gated = false},
                                [](const HyperParameters& keys, DecoderParameters& parameters) {
                                  parameters.norm_after = keys.flag_or("norm_after", false);
                                  parameters.embedding_width = keys.count_or("embedding_width", 0);
                                })};

void translate(Translation& translation) {
  translation.set_decoder_keys();
  translation.require("activation_function", "relu");
  translation.refuse_true("_remove_final_layer_norm");
  const ConfigJson& config = translation.config();
  const std::size_t width = config.required_count({"hidden_size"});
  const std::size_t embedding_width = config.count({"word_embed_proj_dim"}).value_or(width);
  if (embedding_width != width) translation.set("embedding_width", static_cast<std::uint32_t>(embedding_width));
  translation.set("norm_after", !config.flag("do_layer_norm_before").value_or(true));
  translation.add_tensor("embed_tokens", "token_embd");
  translation.add_tensor("embed_positions", "position_embd");
  translation.add_tensor("project_in", "token_embd_in");
  translation.add_tensor("project_out", "output_out");
  translation.add_tensor("final_layer_norm", "output_norm");
  translation.add_tensor("lm_head", "output");
  translation.add_layer_tensor("self_attn_layer_norm", "attn_norm");
  translation.add_layer_tensor("self_attn.q_proj", "attn_q");
  translation.add_layer_tensor("self_attn.k_proj", "attn_k");
  translation.add_layer_tensor("self_attn.v_proj", "attn_v");
  translation.add_layer_tensor("self_attn.out_proj", "attn_output");
  translation.add_layer_tensor("final_layer_norm", "ffn_norm");
  translation.add_layer_tensor("fc1", "ffn_up");
  translation.add_layer_tensor("fc2", "ffn_down");
}

const Register<HuggingFaceFamily> family{"opt", {"opt", translate, true}};

}  // namespace
}  // namespace quantbench
