// Activation functions of feed-forward networks, plain and gated (Shazeer 2020: function(gate) * up).
#pragma once

#include <span>

#include "core/isa.h"

namespace quantbench {

enum class Activation {
  relu,       // max(x, 0)
  silu,       // x / (1 + exp(-x))
  gelu,       // x/2 (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel 2016)
  gelu_tanh,  // x/2 (1 + tanh(u)) = x / (1 + exp(-2 u)) with u = sqrt(2 / pi) (x + 0.044715 x^3)
};

/// In place. The same bits on every instruction set and for any number of threads; erf is the C library's.
void activate(std::span<float> values, Activation activation, int threads, Isa isa = best_isa());

/// gate and up have equal lengths; function(gate) * up replaces `gate`.
void activate_gated(std::span<float> gate, std::span<const float> up, Activation activation, int threads,
                    Isa isa = best_isa());

}  // namespace quantbench
