// Distance of a quantizer from the rate-distortion bound of Gaussian weights: what no code of as many bits per weight can do
// better, were the weights independent and normal.
//
//   one tensor        D(R) = s^2 2^(-2 R)                                        s^2: mean square, R: bits per weight
//   several together  D(R) = sum_i n_i min(t, s_i^2) / sum_i n_i                 n_i: weights; t by reverse water-filling:
//                     R = sum_i n_i max(0, log2(s_i^2 / t)) / (2 sum_i n_i)
//   distance          10 log10(mean squared error / D(R)) dB;  6.02 dB are one bit per weight
//
// Cover and Thomas, Elements of Information Theory, 2nd edition, theorems 10.3.2 and 10.3.3. Mean squares stand for variances: the
// means of weights are zero for all that matters. Of all sources of a variance the Gaussian one is the hardest (the same, problem
// 10.8): weights of heavier tails, or that depend on each other, can be below the bound, at a negative distance.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace quantbench {

struct GaussianSource {
  std::size_t weights = 0;
  double mean_square = 0;  // >= 0
};

/// The least mean squared error of all weights together at `bits_per_weight` on average (>= 0), bits going where they lower it
/// most. 0 when every mean square is 0, or there are no weights.
double least_squared_error(std::span<const GaussianSource> sources, double bits_per_weight);

/// Of a mean squared error; nothing where it or the bound is 0.
std::optional<double> rate_distortion_db(double mean_squared_error, std::span<const GaussianSource> sources,
                                         double bits_per_weight);

}  // namespace quantbench
