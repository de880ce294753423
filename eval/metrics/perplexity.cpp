#include "eval/metrics/perplexity.h"

#include <cmath>

#include "core/error.h"

namespace quantbench {
namespace {

/// 97.5 % point of the standard normal distribution.
constexpr double normal_quantile = 1.959963984540054;

struct MeanError {
  double mean = 0;
  double error = 0;  // standard error of the mean
};

/// `value(i)`, i < count. Two passes: the sum of squared deviations loses nothing to cancellation.
template <class Value>
MeanError mean_error(std::size_t count, const Value& value) {
  if (count == 0) fail("a mean needs at least one scored token");
  const auto n = static_cast<double>(count);
  double sum = 0;
  for (std::size_t index = 0; index < count; ++index) sum += value(index);
  MeanError result{sum / n, 0};
  if (count == 1) return result;
  double squares = 0;
  for (std::size_t index = 0; index < count; ++index) {
    const double deviation = value(index) - result.mean;
    squares += deviation * deviation;
  }
  result.error = std::sqrt(squares / (n - 1) / n);
  return result;
}

}  // namespace

Perplexity perplexity(std::span<const float> nll) {
  const MeanError mean = mean_error(nll.size(), [&](std::size_t index) { return static_cast<double>(nll[index]); });
  const double value = std::exp(mean.mean);
  return {value, value * mean.error, nll.size()};
}

PairedDifference paired_difference(std::span<const float> nll_a, std::span<const float> nll_b) {
  if (nll_a.size() != nll_b.size())
    fail("paired perplexities need the same tokens: {} scored tokens against {}", nll_a.size(), nll_b.size());
  const MeanError mean = mean_error(nll_a.size(), [&](std::size_t index) {
    return static_cast<double>(nll_b[index]) - static_cast<double>(nll_a[index]);
  });
  const double half_width = normal_quantile * mean.error;
  return {mean.mean, mean.mean - half_width, mean.mean + half_width, std::exp(mean.mean)};
}

}  // namespace quantbench
