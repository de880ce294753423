// The clip search of AWQ: how far the grid of each group should reach.
//
// For a group of one row with largest |w| = m0, the limits m = m0 (1 - i/20), i = 0..9, are tried: the group is clamped to
// -m..m and rounded, and the limit with the smallest mean over sampled tokens of (sum_j x_j (q_j - w_j))^2 is kept, w unclamped;
// the first of equal ones. Groups are treated as independent of each other, so only formats whose groups have scales of
// their own can be searched.
//
// The option `clip` clamps the weights to the limits. That suits plain rounding only: a solver that spreads the error of one
// column over the others must aim at the unclamped weights, and gets the limits for its grids (`clip=grid`).
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "quantizers/method.h"
#include "quantizers/solver.h"

namespace quantbench {

enum class Clip { off, weights, grid };

/// What the method's option `clip` asks for.
Clip clip_of(const Method& method);
/// Throws Error when the method's solver or format cannot be used with its option `clip`.
void check_clip(const Method& method, const Format& format);

/// Every n-th of the tokens, so that about `count` (at most 2 count - 1) are left. inputs: (tokens, cols)
std::vector<float> sampled_tokens(MatrixView inputs, std::size_t count);
/// Tokens that the search looks at, when there are more.
inline constexpr std::size_t clip_tokens = 512;

struct ClipSearch {
  MatrixView weights;  // (rows, cols)
  Method rounding;     // into a format that check_clip accepts
  MatrixView inputs;   // (tokens, cols), sampled
  int threads = 1;
};

/// (rows, groups of a row). Does not depend on the thread count.
std::vector<float> search_clip(const ClipSearch& search);

/// Clamps every group to its limit. weights: (rows, cols); group: weights, 0: the row; limits: (rows, groups of a row)
void clamp_groups(std::span<float> weights, std::size_t cols, std::size_t group, std::span<const float> limits);

}  // namespace quantbench
