#include "eval/compare/median_interval.h"

#include <algorithm>
#include <cmath>

namespace quantbench {
namespace {

/// P(B = k), B binomial(n, 1/2).
double probability(std::size_t n, std::size_t k) {
  const auto log_factorial = [](std::size_t m) { return std::lgamma(static_cast<double>(m) + 1); };
  return std::exp(log_factorial(n) - log_factorial(k) - log_factorial(n - k) - static_cast<double>(n) * std::log(2.0));
}

}  // namespace

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::size_t least_for_median_interval(double confidence) {
  std::size_t count = 1;
  while (2 * std::exp2(-static_cast<double>(count)) > 1 - confidence) ++count;
  return count;
}

std::optional<MedianInterval> median_interval(std::vector<double> values, double confidence) {
  std::size_t rank = 0;
  for (double tails = 0; rank < values.size(); ++rank) {
    tails += 2 * probability(values.size(), rank);
    if (tails > 1 - confidence) break;
  }
  if (rank == 0 || 2 * rank > values.size()) return {};
  std::ranges::sort(values);
  return MedianInterval{median_of(values), values[rank - 1], values[values.size() - rank]};
}

}  // namespace quantbench
