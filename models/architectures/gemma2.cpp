// Gemma 2 (Gemma Team 2024): every second layer is local; scores and logits are capped softly.
#include "models/architectures/gemma.h"

namespace quantbench {
namespace {

void adjust(const HyperParameters& keys, DecoderParameters& parameters) {
  adjust_gemma(keys, 2, 46, parameters);
  parameters.local_rope = parameters.rope;
  parameters.attention_soft_cap = static_cast<float>(keys.positive_or("attn_logit_softcapping", 50));
  parameters.logit_soft_cap = static_cast<float>(keys.positive_or("final_logit_softcapping", 30));
}

const Register<Architecture> registered{"gemma2", decoder_architecture(gemma_traits("gemma2"), adjust)};

const Register<HuggingFaceFamily> family{"gemma2",
                                         {"gemma2",
                                          [](Translation& translation) {
                                            translate_gemma(2, translation);
                                            translation.set_rope_keys();
                                            translation.set_real("attn_logit_softcapping");
                                            translation.set_real("final_logit_softcapping");
                                          },
                                          true}};

}  // namespace
}  // namespace quantbench
