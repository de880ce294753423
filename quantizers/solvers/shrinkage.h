// What makes up for the shrinkage of least squares.
//
// The solution w' of least squares has <w, w'> = <w', w'> < <w, w>: the layer's output shrinks, in the same direction for every
// input, and inputs of real models are correlated enough for that to cost more than the noise. Weights multiplied by the gain
// <w, w> / <w, w'> before they are quantized have it no more; the squared error grows by the square of the gain less 1, which
// is nothing at four bits (docs/encoders.md has figures).
#pragma once

#include <algorithm>
#include <cmath>

namespace quantbench {

/// Sums over some rows of a tensor, in the inner product that its solver minimises.
struct WeightPower {
  double of_weights = 0;  // <w, w>
  double of_product = 0;  // <w, w'>

  void add(const WeightPower& other) {
    of_weights += other.of_weights;
    of_product += other.of_product;
  }
};

/// Formats of about one bit choose nothing but a scale: they have no gain.
inline constexpr double least_bits_for_gain = 1.5;

/// 1 when nothing is known.
inline float gain_against_shrinkage(const WeightPower& power) {
  // Nine tenths: divergence hardly changes around the whole, and the squared error stays that much smaller.
  constexpr double largest_gain = 1.5, share = 0.9;
  if (!(power.of_product > 0)) return 1;
  return static_cast<float>(std::pow(std::clamp(power.of_weights / power.of_product, 1.0, largest_gain), share));
}

}  // namespace quantbench
