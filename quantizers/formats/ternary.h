// What TQ1_0 and TQ2_0 share: 256 weights of the levels -1, 0, 1 (TQ2_0 decodes 2 as well) and one f16 scale at the end.
#pragma once

#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

/// Stores the plain rounding: d is the largest magnitude, halves are rounded away from zero. `store(d, code)` gets the scale
/// and the codes level + 1.
template <class Store>
void round_ternary(std::span<const float> weights, const Store& store) {
  const float d = storable(std::fabs(signed_extreme(weights)));
  const float inverse = inverse_or_zero(d);
  store(d, [&](int i) { return code_of(std::round(weights[static_cast<std::size_t>(i)] * inverse) + 1, 2); });
}

}  // namespace quantbench::formats
