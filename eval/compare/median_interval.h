// The median of a few measurements, and how well it is known whatever their distribution.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace quantbench {

struct MedianInterval {
  double median = 0;
  double lower = 0, upper = 0;
};

/// The interval of the sign test: from the j-th smallest to the j-th largest value, j the largest with
/// 2 P(B < j) <= 1 - confidence, B binomial with as many trials as values and probability 1/2 (W. J. Conover, Practical
/// Nonparametric Statistics, 3rd edition, section 3.2). Exact for independent values of any distribution. Nothing when there are
/// too few values: see least_for_median_interval.
std::optional<MedianInterval> median_interval(std::vector<double> values, double confidence);

/// How many values an interval of this confidence needs: 6 for 95 %.
std::size_t least_for_median_interval(double confidence);

/// Of an even number of values the mean of the two in the middle. `values` is not empty.
double median_of(std::vector<double> values);

}  // namespace quantbench
