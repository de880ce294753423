// Qwen2 and Qwen2.5: Llama with biases of queries, keys and values (Yang et al. 2024).
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{
    "qwen2", decoder_architecture({.architecture = "qwen2", .rope = {.pairing = RopePairing::halves}})};

const Register<HuggingFaceFamily> family{"qwen2", {"qwen2", [](Translation& translation) {
                                                     translation.refuse_true("use_sliding_window");
                                                     translation.set_decoder_keys();
                                                     translation.set_rope_keys();
                                                     translation.require("hidden_act", "silu");
                                                     translation.add_llama_tensors();
                                                   }}};

}  // namespace
}  // namespace quantbench
