// What the solver `search` counts a squared error of each input column, given mean x^2 of the columns: the option `imatrix`.
//
//   on      mean x^2 itself: the expected squared error of the layer's output when inputs are uncorrelated
//   blend   mean x^2 + its mean over the columns: half of the trust goes to all columns alike
//   slight  mean x^2 + three times that mean
//   auto    from 1.5 to 4 bits per weight slight where one scale serves 256 weights (TQ1_0, TQ2_0), else blend; on for all other
//           formats (the default). Q1_0 below chooses nothing but a scale.
//   off     all columns alike
//
// Inputs are correlated and the calibration text is not the one the model will see. Coarse rounding makes errors large enough
// for both to matter: there full trust loses on some formats what it gains on others (docs/importance_matrix.md has the
// figures). Blending costs 1 to 2 % of the weighted error.
#pragma once

#include <span>
#include <vector>

#include "core/format.h"
#include "quantizers/method.h"

namespace quantbench {

/// `mean_square` (cols) as the method's option `imatrix` has it for a tensor stored in this format with `bits_per_weight`;
/// empty: all columns alike.
std::vector<float> column_weights(const Method& method, const Format& format, double bits_per_weight,
                                  std::span<const float> mean_square);

}  // namespace quantbench
