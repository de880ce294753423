#include "quantizers/solvers/gptq/problem.h"

#include "core/checked.h"
#include "core/matmul/matmul_f32.h"
#include "core/parallel.h"
#include "quantizers/solvers/gptq/hessian.h"
#include "quantizers/solvers/gptq/inverse_factor.h"

namespace quantbench::gptq {
namespace {

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
  std::vector<float> found;
  raise_damping_until(input, damp, [&](double used) {
    auto factor =
        transposed_inverse_factor(damped(input, problem, diagonal, used), problem.cols, input.threads, input.isa);
    if (factor) found = std::move(*factor);
    return factor.has_value();
  });
  return found;
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

Problem prepare(const SolverInput& input, const Options& options, Grouping grouping) {
  const std::span<const float> hessian = input.calibration.second_moments;
  Problem problem;
  problem.cols = input.weights.cols;
  if (!hessian.empty()) check_moments(hessian, problem.cols, "the matrix of second moments");
  const Diagonal diagonal = find_diagonal(hessian, problem.cols, options.reference);
  problem.order = make_order(options, grouping, diagonal.values);
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
