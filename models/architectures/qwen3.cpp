// Qwen3: Llama with an RMSNorm of every head's query and key (Yang et al. 2025).
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{
    "qwen3",
    decoder_architecture({.architecture = "qwen3", .rope = {.pairing = RopePairing::halves}, .head_norms = true})};

const Register<HuggingFaceFamily> family{"qwen3", {"qwen3", [](Translation& translation) {
                                                     translation.refuse_true("use_sliding_window");
                                                     translation.set_decoder_keys();
                                                     translation.set_rope_keys();
                                                     translation.require("hidden_act", "silu");
                                                     translation.add_llama_tensors();
                                                     translation.add_head_norms();
                                                   }}};

}  // namespace
}  // namespace quantbench
