// Which format each tensor gets when the model may take no more than a number of bytes: one choice for each tensor so that
// the sum of costs is least, the multiple-choice knapsack problem.
//
//   minimize sum_t cost(t, f_t)   subject to   sum_t bytes(t, f_t) <= budget
//
// Solved exactly by dynamic programming over the sums of bytes that are worth having: a partial choice is dropped when
// another takes no more bytes and costs no more, or when its Lagrangian bound
//
//   cost so far + min over the tensors left of sum (cost + lambda bytes) - lambda (budget - bytes so far)
//
// is no better than the best allocation known, found by Lagrangian relaxation and exchanges. lambda is the multiplier where
// the relaxation crosses the budget. With the bound, models of hundreds of tensors take milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quantbench {

struct FormatChoice {
  std::uint64_t bytes = 0;
  double cost = 0;  // finite; any unit
};

struct BudgetProblem {
  std::vector<std::vector<FormatChoice>> tensors;  // what each can be stored as, at least one choice each
  std::uint64_t budget_bytes = 0;
};

struct BudgetSolution {
  std::vector<std::size_t> choices;  // by tensor: the place in its list
  std::uint64_t bytes = 0;
  double cost = 0;
  /// No choice within the budget costs less than this. Equal to `cost` when the solution is the optimum, which it is unless
  /// partial choices had to be dropped for memory.
  double lower_bound = 0;
};

/// `most_states`: partial choices kept at a time, 8 bytes each for every tensor. Equal input gives equal output. Throws Error
/// when the budget is smaller than the smallest choices, a tensor has none, or a cost is not finite.
BudgetSolution solve_budget(const BudgetProblem& problem, std::size_t most_states = std::size_t{1} << 18);

}  // namespace quantbench
