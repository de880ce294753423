// Phi-3 and Phi-4 mini: Llama with queries, keys and values in one matrix, gate and up in another, and, for long texts, rotations
// whose frequencies have factors of their own (Abdin et al. 2024; Ding et al. 2024).
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{
    "phi3", decoder_architecture({.architecture = "phi3", .rope = {.pairing = RopePairing::halves}})};

const Register<HuggingFaceFamily> family{"phi3", {"phi3", [](Translation& translation) {
                                                    translation.set_decoder_keys();
                                                    translation.set_rope_keys();
                                                    translation.set_window("sliding_window");
                                                    translation.require("hidden_act", "silu");
                                                    translation.add_llama_tensors();
                                                    translation.add_layer_tensor("self_attn.qkv_proj", "attn_qkv");
                                                    translation.add_layer_tensor("mlp.gate_up_proj", "ffn_up");
                                                  }}};

}  // namespace
}  // namespace quantbench
