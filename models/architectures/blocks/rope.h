// Rotary position embedding (Su et al. 2021): in each head the pair i of numbers at position p is turned by the angle
//
//   p * f(i)      f(i) = base^(-2i / rotated) / frequency_factors[i] / linear_factor, or as YaRN changes it
//
// and multiplied by `magnitude`. Which numbers are a pair is the layout of the file: GGUF files of Llama models hold the rows of
// attn_q and attn_k so that neighbours are pairs; all others keep the order of the original checkpoints.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "models/architectures/blocks/matrix.h"

namespace quantbench {

enum class RopePairing {
  neighbours,  // (2i, 2i + 1)
  halves,      // (i, i + rotated / 2)
};

/// YaRN (Peng et al. 2023, section 3.2): frequencies of more than beta_fast turns in original_context positions stay, those of
/// less than beta_slow are divided by `factor`, linearly in i between.
struct YarnScaling {
  double factor = 1;
  double original_context = 0;
  double beta_fast = 32, beta_slow = 1;
};

struct RopeParameters {
  std::size_t head_size = 0;
  double base = 10000;
  double linear_factor = 1;                // linear position interpolation (Chen et al. 2023); 1: none
  std::vector<float> frequency_factors{};  // (rotated / 2), as Llama 3.1's; empty: all 1
  RopePairing pairing = RopePairing::neighbours;
  std::size_t rotated = 0;  // the first numbers of each head that are turned, even; 0: all
  std::optional<YarnScaling> yarn{};
  double magnitude = 1;

  std::size_t rotated_size() const { return rotated == 0 ? head_size : rotated; }
};

/// cos and sin of every angle, next to each other: (positions, rotated_size). Angles are computed in f64 and rounded once.
Matrix rope_rotations(const RopeParameters& rope, std::size_t positions);

/// Turns all heads of `values` (windows * length, heads * head_size) in place; the position of a row is row % length,
/// with length = rotations.rows().
void apply_rope(Matrix& values, const RopeParameters& rope, const Matrix& rotations, int threads);

}  // namespace quantbench
