// Gemma 3, text (Gemma Team 2025): five local layers to a global one, each kind with rotations of its own; norms of heads.
#include "models/architectures/gemma.h"

namespace quantbench {
namespace {

DecoderParameters traits() {
  DecoderParameters parameters = gemma_traits("gemma3");
  parameters.head_norms = true;
  return parameters;
}

void adjust(const HyperParameters& keys, DecoderParameters& parameters) {
  adjust_gemma(keys, 6, 62, parameters);
  parameters.local_rope = {.head_size = parameters.head_size,
                           .base = keys.positive_or("rope.freq_base_swa", 10000),
                           .pairing = RopePairing::halves};
}

const Register<Architecture> registered{"gemma3", decoder_architecture(traits(), adjust)};

const Register<HuggingFaceFamily> family{"gemma3_text",
                                         {"gemma3",
                                          [](Translation& translation) {
                                            translate_gemma(6, translation);
                                            translation.set_rope_keys("full_attention");
                                            translation.set_local_rope_base();
                                            translation.refuse_number("attn_logit_softcapping");
                                            translation.refuse_number("final_logit_softcapping");
                                            translation.add_head_norms(1);
                                          },
                                          true}};

}  // namespace
}  // namespace quantbench
