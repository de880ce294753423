#include "quantizers/allocation/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "core/error.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Every combination; infinite when none fits.
double least_cost(const BudgetProblem& problem, std::size_t tensor = 0, std::uint64_t bytes = 0, double cost = 0) {
  if (bytes > problem.budget_bytes) return std::numeric_limits<double>::infinity();
  if (tensor == problem.tensors.size()) return cost;
  double least = std::numeric_limits<double>::infinity();
  for (const FormatChoice& choice : problem.tensors[tensor])
    least = std::min(least, least_cost(problem, tensor + 1, bytes + choice.bytes, cost + choice.cost));
  return least;
}

/// Costs fall about as those of formats do, but not always: some choices are worse in both.
BudgetProblem random_problem(std::mt19937& random, std::size_t tensors, std::size_t formats) {
  std::uniform_real_distribution<double> factor(0.3, 3);
  BudgetProblem problem;
  std::uint64_t least = 0, most = 0;
  for (std::size_t tensor = 0; tensor < tensors; ++tensor) {
    const std::uint64_t size = 1 + random() % 5;
    const double sensitivity = factor(random) * factor(random);
    auto& choices = problem.tensors.emplace_back();
    for (std::size_t format = 0; format < formats; ++format) {
      const std::uint64_t bits = 2 + random() % 7;
      choices.push_back({size * bits, sensitivity * factor(random) / static_cast<double>(1U << (2 * bits))});
    }
    const auto [fewest, largest] = std::ranges::minmax(choices, {}, &FormatChoice::bytes);
    least += fewest.bytes;
    most += largest.bytes;
  }
  problem.budget_bytes = least + random() % (most - least + 1);
  return problem;
}

TEST(Budget, IsTheLeastOfAllCombinations) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const BudgetProblem problem = random_problem(random, 1 + random() % 6, 1 + random() % 5);
    const BudgetSolution solution = solve_budget(problem);
    const double least = least_cost(problem);
    EXPECT_LE(solution.bytes, problem.budget_bytes);
    EXPECT_NEAR(solution.cost, least, 1e-12 * least) << "round " << round;
    EXPECT_EQ(solution.lower_bound, solution.cost);
  }
}

TEST(Budget, TheSumsAreThoseOfTheChoices) {
  std::mt19937 random(8);
  const BudgetProblem problem = random_problem(random, 30, 6);
  const BudgetSolution solution = solve_budget(problem);
  std::uint64_t bytes = 0;
  double cost = 0;
  for (std::size_t tensor = 0; tensor < problem.tensors.size(); ++tensor) {
    bytes += problem.tensors[tensor].at(solution.choices[tensor]).bytes;
    cost += problem.tensors[tensor].at(solution.choices[tensor]).cost;
  }
  EXPECT_EQ(solution.bytes, bytes);
  EXPECT_DOUBLE_EQ(solution.cost, cost);
}

TEST(Budget, TheRelaxationAloneIsNotEnoughHere) {
  // By cost for each byte the first tensor would be improved first, after which nothing else fits.
  const BudgetProblem problem{{{{1, 10}, {3, 4}}, {{1, 10}, {5, 1}}}, 6};
  EXPECT_THAT(solve_budget(problem).choices, ElementsAre(0, 1));
}

TEST(Budget, ExactlyTheBudgetFitsAndOneByteLessDoesNot) {
  BudgetProblem problem{{{{4, 1}, {2, 3}}, {{4, 1}, {2, 2}}}, 8};
  EXPECT_THAT(solve_budget(problem).choices, ElementsAre(0, 0));
  problem.budget_bytes = 7;
  EXPECT_THAT(solve_budget(problem).choices, ElementsAre(0, 1));
  problem.budget_bytes = 3;
  EXPECT_THAT([&] { solve_budget(problem); },
              ThrowsMessage<Error>(HasSubstr("budget of 3 bytes is too small: the smallest formats take 4")));
}

TEST(Budget, ATensorWithoutFormatsAndACostThatIsNoNumberAreErrors) {
  EXPECT_THAT([] { solve_budget({{{}}, 1}); }, ThrowsMessage<Error>(HasSubstr("no format to choose")));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT([&] { solve_budget({{{{1, nan}}}, 1}); }, ThrowsMessage<Error>(HasSubstr("not finite")));
}

TEST(Budget, WithTooFewStatesTheGapIsStated) {
  std::mt19937 random(9);
  bool some_gap = false;
  for (int round = 0; round < 200; ++round) {
    const BudgetProblem problem = random_problem(random, 6, 5);
    const BudgetSolution solution = solve_budget(problem, 1);
    const double least = least_cost(problem);
    EXPECT_LE(solution.bytes, problem.budget_bytes);
    EXPECT_LE(solution.lower_bound, least * (1 + 1e-12));
    EXPECT_GE(solution.cost, least * (1 - 1e-12));
    some_gap |= solution.lower_bound < solution.cost;
  }
  EXPECT_TRUE(some_gap) << "one state was always enough: nothing was tested";
}

TEST(Budget, AModelOfHundredsOfTensorsIsSolvedExactly) {
  std::mt19937 random(10);
  for (int round = 0; round < 5; ++round) {
    const BudgetSolution solution = solve_budget(random_problem(random, 400, 9));
    EXPECT_EQ(solution.lower_bound, solution.cost);
  }
}

}  // namespace
}  // namespace quantbench
