#include "quantizers/solvers/gptq/problem.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "core/matmul/matmul_f32.h"
#include "core/parallel.h"
#include "quantizers/solvers/gptq/inverse_factor.h"

namespace quantbench::gptq {
namespace {

constexpr int most_tries = 8;

void check_moments(std::span<const float> moments, std::size_t cols, const char* name) {
  if (moments.size() != checked_multiply(cols, cols))
    fail("gptq: {} has {} entries, expected {} x {}", name, moments.size(), cols, cols);
  const auto bad = std::ranges::find_if(moments, [](float value) { return !std::isfinite(value); });
  if (bad == moments.end()) return;
  const auto index = static_cast<std::size_t>(bad - moments.begin());
  fail("gptq: {} holds {} at row {}, column {}", name, *bad, index / cols, index % cols);
}

/// diag(H) by column, with what dead columns get instead of 0.
struct Diagonal {
  std::vector<float> values;  // (cols)
  std::vector<std::uint8_t> dead;
  double mean = 0;
};

double mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value);
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

Diagonal find_diagonal(std::span<const float> hessian, std::size_t cols, bool reference) {
  Diagonal diagonal;
  std::vector<float> alive;
  for (std::size_t column = 0; column < cols; ++column) {
    const float value = hessian.empty() ? 1.0f : hessian[column * cols + column];
    if (value < 0) fail("gptq: the diagonal of the second moments holds {} at column {}", value, column);
    diagonal.values.push_back(value);
    diagonal.dead.push_back(value == 0);
    if (value != 0) alive.push_back(value);
  }
  const float of_dead = reference || alive.empty() ? 1.0f : static_cast<float>(mean_of(alive));
  for (std::size_t column = 0; column < cols; ++column)
    if (diagonal.dead[column] != 0) diagonal.values[column] = of_dead;
  diagonal.mean = mean_of(diagonal.values);
  return diagonal;
}

/// Rows and columns in the order of visiting.
std::vector<float> permuted(std::span<const float> matrix, const std::vector<std::size_t>& order, int threads) {
  const std::size_t cols = order.size();
  std::vector<float> result(matrix.size());
  parallel_for(threads, cols, [&](std::size_t row) {
    const float* const from = matrix.data() + order[row] * cols;
    for (std::size_t col = 0; col < cols; ++col) result[row * cols + col] = from[order[col]];
  });
  return result;
}

std::vector<float> damped(const SolverInput& input, const Problem& problem, const Diagonal& diagonal, double damp) {
  const std::size_t cols = problem.cols;
  std::vector<float> matrix = permuted(input.calibration.second_moments, problem.order.column, input.threads);
  const auto added = static_cast<float>(damp * diagonal.mean);
  for (std::size_t position = 0; position < cols; ++position)
    matrix[position * cols + position] = diagonal.values[problem.order.column[position]] + added;
  return matrix;
}

std::vector<float> factor_with_damping(const SolverInput& input, const Problem& problem, const Diagonal& diagonal,
                                       double damp) {
  constexpr double least_raised = 1e-4;
  double used = damp;
  for (int tries = 0; tries < most_tries; ++tries, used = std::max(10 * used, least_raised)) {
    auto factor =
        transposed_inverse_factor(damped(input, problem, diagonal, used), problem.cols, input.threads, input.isa);
    if (!factor) continue;
    if (used != damp && input.remarks != nullptr)
      input.remarks->push_back(
          fmt::format("gptq: the second moments are not positive definite with damp={}; used damp={}", damp, used));
    return std::move(*factor);
  }
  fail("gptq: the second moments are not positive definite, even with {} times the mean of their diagonal added", used);
}

std::vector<std::vector<float>> upright_blocks(const std::vector<float>& transposed, const VisitOrder& order) {
  const std::size_t cols = order.column.size();
  std::vector<std::vector<float>> blocks;
  for (const Positions& block : order.blocks) {
    std::vector<float>& upright = blocks.emplace_back(block.size() * block.size());
    for (std::size_t col = 0; col < block.size(); ++col)
      for (std::size_t row = 0; row <= col; ++row)
        upright[row * block.size() + col] = transposed[(block.begin + col) * cols + block.begin + row];
  }
  return blocks;
}

std::vector<float> transpose(const std::vector<float>& matrix, std::size_t n, int threads) {
  std::vector<float> result(matrix.size());
  parallel_for(threads, n, [&](std::size_t row) {
    for (std::size_t col = 0; col < n; ++col) result[row * n + col] = matrix[col * n + row];
  });
  return result;
}

std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, std::size_t n,
                           const SolverInput& input) {
  std::vector<float> c(a.size());
  matmul_f32({.a = a.data(),
              .a_stride = n,
              .b = b.data(),
              .b_stride = n,
              .c = c.data(),
              .c_stride = n,
              .m = n,
              .n = n,
              .k = n},
             input.threads, input.isa);
  return c;
}

/// (alpha P)' with P = (strictly upper part of D U') U.
std::vector<float> transposed_asymmetry(const SolverInput& input, const Problem& problem, double alpha) {
  const std::size_t cols = problem.cols;
  std::vector<float> cross = permuted(input.calibration.cross_moments, problem.order.column, input.threads);
  for (std::size_t position = 0; position < cols; ++position)
    if (problem.dead[problem.order.column[position]] != 0)
      for (std::size_t row = 0; row < cols; ++row) cross[row * cols + position] = 0;
  const std::vector<float> upright = transpose(problem.factor.transposed, cols, input.threads);
  std::vector<float> residual = product(cross, upright, cols, input);
  for (std::size_t row = 0; row < cols; ++row)
    for (std::size_t col = 0; col < cols; ++col) {
      float& value = residual[row * cols + col];
      value = col > row ? static_cast<float>(alpha) * value : 0.0f;
    }
  return product(problem.factor.transposed, residual, cols, input);
}

/// The factor of H = I.
std::vector<float> identity(std::size_t cols) {
  std::vector<float> matrix(checked_multiply(cols, cols));
  for (std::size_t i = 0; i < cols; ++i) matrix[i * cols + i] = 1;
  return matrix;
}

}  // namespace

Problem prepare(const SolverInput& input, const Options& options, std::size_t group) {
  const std::span<const float> hessian = input.calibration.second_moments;
  Problem problem;
  problem.cols = input.weights.cols;
  if (!hessian.empty()) check_moments(hessian, problem.cols, "the matrix of second moments");
  const Diagonal diagonal = find_diagonal(hessian, problem.cols, options.reference);
  problem.order = make_order(options, group, diagonal.values);
  problem.dead = diagonal.dead;
  problem.factor.transposed =
      hessian.empty() ? identity(problem.cols) : factor_with_damping(input, problem, diagonal, options.damp);
  problem.factor.blocks = upright_blocks(problem.factor.transposed, problem.order);
  if (options.asymmetry > 0 && !hessian.empty()) {
    check_moments(input.calibration.cross_moments, problem.cols, "the matrix of cross moments");
    problem.asymmetry.transposed = transposed_asymmetry(input, problem, options.asymmetry);
    problem.asymmetry.blocks = upright_blocks(problem.asymmetry.transposed, problem.order);
  }
  for (std::size_t position = 0; position < problem.cols; ++position) {
    const float diagonal_of_factor = problem.factor.transposed[position * problem.cols + position];
    problem.importance.push_back(1 / (diagonal_of_factor * diagonal_of_factor));
  }
  return problem;
}

}  // namespace quantbench::gptq
