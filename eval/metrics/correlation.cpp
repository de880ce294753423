#include "eval/metrics/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t index) { return values[index]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    const double shared = 0.5 * static_cast<double>(first + last - 1);
    for (std::size_t i = first; i < last; ++i) ranks[order[i]] = shared;
  }
  return ranks;
}

}  // namespace

std::optional<double> pearson_correlation(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size()) fail("correlation: {} and {} values", x.size(), y.size());
  if (x.size() < 2) return std::nullopt;
  const double mean_x = mean_of(x), mean_y = mean_of(y);
  double product = 0, square_x = 0, square_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    product += (x[i] - mean_x) * (y[i] - mean_y);
    square_x += (x[i] - mean_x) * (x[i] - mean_x);
    square_y += (y[i] - mean_y) * (y[i] - mean_y);
  }
  if (square_x == 0 || square_y == 0) return std::nullopt;
  return product / (std::sqrt(square_x) * std::sqrt(square_y));
}

std::optional<double> spearman_correlation(std::span<const double> x, std::span<const double> y) {
  return pearson_correlation(ranks_of(x), ranks_of(y));
}

}  // namespace quantbench
