// Correlation of two series.
//
//   Pearson  = sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2)
//   Spearman = Pearson of the ranks; equal values share the mean of their ranks
//
// Sums are f64 in the order given.
#pragma once

#include <optional>
#include <span>

namespace quantbench {

/// Nothing when there are fewer than two pairs or one series is constant. Throws Error when the lengths differ.
std::optional<double> pearson_correlation(std::span<const double> x, std::span<const double> y);
std::optional<double> spearman_correlation(std::span<const double> x, std::span<const double> y);

}  // namespace quantbench
