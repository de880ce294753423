// SwiGLU (Shazeer 2020): silu(gate) * up with silu(x) = x / (1 + exp(-x)).
#pragma once

#include <span>

#include "core/isa.h"

namespace quantbench {

/// gate and up have equal lengths; the result replaces `gate`. The same bits on every instruction set.
void swiglu(std::span<float> gate, std::span<const float> up, int threads, Isa isa = best_isa());

}  // namespace quantbench
