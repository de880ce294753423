#include "quantizers/solvers/gptq/hessian.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"

namespace quantbench::gptq {
namespace {

double mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value);
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace

void check_moments(std::span<const float> moments, std::size_t cols, const char* name) {
  if (moments.size() != checked_multiply(cols, cols))
    fail("{} has {} entries, expected {} x {}", name, moments.size(), cols, cols);
  const auto bad = std::ranges::find_if(moments, [](float value) { return !std::isfinite(value); });
  if (bad == moments.end()) return;
  const auto index = static_cast<std::size_t>(bad - moments.begin());
  fail("{} holds {} at row {}, column {}", name, *bad, index / cols, index % cols);
}

Diagonal find_diagonal(std::span<const float> hessian, std::size_t cols, bool one_for_dead) {
  Diagonal diagonal;
  std::vector<float> alive;
  for (std::size_t column = 0; column < cols; ++column) {
    const float value = hessian.empty() ? 1.0f : hessian[column * cols + column];
    if (value < 0) fail("the diagonal of the second moments holds {} at column {}", value, column);
    diagonal.values.push_back(value);
    diagonal.dead.push_back(value == 0);
    if (value != 0) alive.push_back(value);
  }
  const float of_dead = one_for_dead || alive.empty() ? 1.0f : static_cast<float>(mean_of(alive));
  for (std::size_t column = 0; column < cols; ++column)
    if (diagonal.dead[column] != 0) diagonal.values[column] = of_dead;
  diagonal.mean = mean_of(diagonal.values);
  return diagonal;
}

void raise_damping_until(const SolverInput& input, double damp, const std::function<bool(double)>& factorize) {
  constexpr int most_tries = 8;
  constexpr double least_raised = 1e-4;
  double used = damp;
  for (int tries = 0; tries < most_tries; ++tries) {
    if (factorize(used)) {
      if (used != damp && input.remarks != nullptr)
        input.remarks->push_back(
            fmt::format("the second moments are not positive definite with damp={}; used damp={}", damp, used));
      return;
    }
    if (tries + 1 < most_tries) used = std::max(10 * used, least_raised);
  }
  fail("the second moments are not positive definite, even with {} times the mean of their diagonal added", used);
}

}  // namespace quantbench::gptq
