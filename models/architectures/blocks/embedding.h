// Token embedding: one row of the embedding matrix for each token.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace quantbench {

/// weight: (vocabulary, width); output: (tokens, width), overwritten. Throws Error for a token that is not in the
/// vocabulary, naming its place.
void embed(std::span<const std::int32_t> tokens, const Tensor& weight, int threads, std::span<float> output);

}  // namespace quantbench
