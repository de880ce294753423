// Soft capping (Gemma 2): x -> cap * tanh(x / cap), for scores of attention and for logits.
#pragma once

#include <span>

#include "core/isa.h"

namespace quantbench {

/// values[i] = cap * tanh(scale * values[i] / cap), in place; cap > 0. tanh(y) is 1 - 2 / (exp(2 y) + 1): its absolute error is
/// below 2e-7 of `cap`. The same bits on every instruction set.
void soft_cap(std::span<float> values, float cap, float scale = 1.0f, Isa isa = best_isa());

}  // namespace quantbench
