// Llama 1 to 3 and Mistral (Touvron et al. 2023; Jiang et al. 2023).
#include "models/architectures/hyper_parameters.h"
#include "models/hugging_face/family.h"

namespace quantbench {
namespace {

const Register<Architecture> registered{"llama", decoder_architecture({.architecture = "llama"})};

/// GGUF holds the rows of queries and keys so that neighbours are the pairs of a rotation.
void translate(Translation& translation) {
  translation.set_decoder_keys();
  translation.set_rope_keys();
  translation.require("hidden_act", "silu");
  translation.add_llama_tensors();
  translation.pair_neighbours();
}

const Register<HuggingFaceFamily> llama{"llama", {"llama", translate}};

const Register<HuggingFaceFamily> mistral{"mistral", {"llama", [](Translation& translation) {
                                                        translation.set_window("sliding_window");
                                                        translate(translation);
                                                      }}};

}  // namespace
}  // namespace quantbench
