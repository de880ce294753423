// Rotary position embedding (Su et al. 2021) on interleaved pairs, the layout of GGUF llama files: in each head the
// pair (2i, 2i+1) at position p is turned by the angle
//
//   p / linear_factor * base^(-2i / head_size) / frequency_factors[i]
//
// (Files in the layout of the original checkpoints pair (i, i + head_size / 2); converters permute the rows of attn_q
// and attn_k, so the two are the same model.)
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "models/architectures/blocks/matrix.h"

namespace quantbench {

struct RopeParameters {
  std::size_t head_size = 0;  // even
  double base = 10000;
  double linear_factor = 1;                // linear position interpolation; 1: none
  std::vector<float> frequency_factors{};  // (head_size / 2), Llama 3.1's rescaled frequencies; empty: all 1
};

/// cos and sin of every angle, next to each other: (positions, head_size). Angles are computed in f64 and rounded once.
Matrix rope_rotations(const RopeParameters& rope, std::size_t positions);

/// Turns all heads of `values` (windows * length, heads * head_size) in place; the position of a row is row % length,
/// with length = rotations.rows().
void apply_rope(Matrix& values, const Matrix& rotations, int threads);

}  // namespace quantbench
