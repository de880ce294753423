#include "eval/expectations/window_interval.h"

#include <cmath>
#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

std::vector<double> window_differences(std::span<const float> a, std::span<const float> b, std::size_t window) {
  std::vector<double> differences;
  for (std::size_t begin = 0; begin < a.size(); begin += window) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + window; ++i) sum += static_cast<double>(b[i]) - static_cast<double>(a[i]);
    differences.push_back(sum / static_cast<double>(window));
  }
  return differences;
}

}  // namespace

double student_quantile(std::size_t degrees_of_freedom) {
  constexpr double z = 1.959964;
  constexpr double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  const double n = static_cast<double>(degrees_of_freedom);
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

WindowInterval window_interval(std::span<const float> a, std::span<const float> b, std::size_t window) {
  if (a.size() != b.size() || window == 0 || a.size() % window != 0 || a.size() / window < least_windows)
    fail("{} and {} tokens are not the same {} or more windows of {}", a.size(), b.size(), least_windows, window);
  const std::vector<double> differences = window_differences(a, b, window);
  const auto count = static_cast<double>(differences.size());
  double sum = 0, squares = 0;
  for (const double difference : differences) sum += difference;
  const double mean = sum / count;
  for (const double difference : differences) squares += (difference - mean) * (difference - mean);
  const double half = student_quantile(differences.size() - 1) * std::sqrt(squares / (count - 1) / count);
  return {mean, mean - half, mean + half};
}

}  // namespace quantbench
