#include "quantizers/allocation/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "core/error.h"

namespace quantbench {
namespace {

using Choices = std::vector<FormatChoice>;

std::uint64_t least_bytes(const Choices& choices) { return std::ranges::min(choices, {}, &FormatChoice::bytes).bytes; }

void check(const BudgetProblem& problem) {
  std::uint64_t least = 0;
  for (std::size_t tensor = 0; tensor < problem.tensors.size(); ++tensor) {
    const Choices& choices = problem.tensors[tensor];
    if (choices.empty()) fail("budget: tensor {} has no format to choose", tensor);
    for (const FormatChoice& choice : choices)
      if (!std::isfinite(choice.cost)) fail("budget: tensor {} has a cost that is not finite", tensor);
    least = checked_add(least, least_bytes(choices));
  }
  if (least > problem.budget_bytes)
    fail("the budget of {} bytes is too small: the smallest formats take {}", problem.budget_bytes, least);
}

void sum_up(const BudgetProblem& problem, BudgetSolution& solution) {
  solution.bytes = 0;
  solution.cost = 0;
  for (std::size_t tensor = 0; tensor < problem.tensors.size(); ++tensor) {
    const FormatChoice& choice = problem.tensors[tensor][solution.choices[tensor]];
    solution.bytes += choice.bytes;
    solution.cost += choice.cost;
  }
}

double relaxed(const FormatChoice& choice, double lambda) {
  return choice.cost + lambda * static_cast<double>(choice.bytes);
}

/// Of each tensor on its own the least cost + lambda bytes; of equal ones that of fewest bytes.
BudgetSolution relaxed_solution(const BudgetProblem& problem, double lambda) {
  BudgetSolution solution;
  for (const Choices& choices : problem.tensors) {
    const auto best = std::ranges::min_element(choices, [lambda](const FormatChoice& a, const FormatChoice& b) {
      const double left = relaxed(a, lambda), right = relaxed(b, lambda);
      return left != right ? left < right : a.bytes < b.bytes;
    });
    solution.choices.push_back(static_cast<std::size_t>(best - choices.begin()));
  }
  sum_up(problem, solution);
  return solution;
}

struct Relaxation {
  double lambda = 0;
  BudgetSolution solution;  // within the budget
};

Relaxation relax(const BudgetProblem& problem) {
  Relaxation result{0, relaxed_solution(problem, 0)};
  if (result.solution.bytes <= problem.budget_bytes) return result;
  double spread = 0;
  for (const Choices& choices : problem.tensors) {
    const auto [least, most] = std::ranges::minmax(choices, {}, &FormatChoice::cost);
    spread = std::max(spread, most.cost - least.cost);
  }
  // No byte is worth more than this: here every tensor takes its fewest bytes.
  double low = 0, high = 2 * spread;
  constexpr int halvings = 200;
  for (int step = 0; step < halvings; ++step) {
    const double middle = 0.5 * (low + high);
    const bool fits = relaxed_solution(problem, middle).bytes <= problem.budget_bytes;
    (fits ? high : low) = middle;
  }
  result = {high, relaxed_solution(problem, high)};
  return result;
}

/// Spends the bytes that are left, each time on the single change that saves most.
void exchange(const BudgetProblem& problem, BudgetSolution& solution) {
  for (;;) {
    double most_saved = 0;
    std::size_t best_tensor = 0, best_choice = 0;
    for (std::size_t tensor = 0; tensor < problem.tensors.size(); ++tensor) {
      const Choices& choices = problem.tensors[tensor];
      const FormatChoice& now = choices[solution.choices[tensor]];
      for (std::size_t choice = 0; choice < choices.size(); ++choice) {
        const double saved = now.cost - choices[choice].cost;
        if (saved <= most_saved || solution.bytes - now.bytes + choices[choice].bytes > problem.budget_bytes) continue;
        most_saved = saved;
        best_tensor = tensor;
        best_choice = choice;
      }
    }
    if (most_saved == 0) return;
    solution.choices[best_tensor] = best_choice;
    sum_up(problem, solution);
  }
}

/// A choice for the first tensors.
struct Partial {
  std::uint64_t bytes = 0;
  double cost = 0;
  std::uint32_t parent = 0, choice = 0;
};

struct Step {
  std::uint32_t parent, choice;
};

class Search {
 public:
  Search(const BudgetProblem& problem, double lambda, std::size_t most_states)
      : problem_(problem), lambda_(lambda), most_states_(most_states), suffix_(problem.tensors.size() + 1) {
    for (std::size_t tensor = problem.tensors.size(); tensor-- > 0;) {
      const Choices& choices = problem.tensors[tensor];
      double least = std::numeric_limits<double>::infinity();
      for (const FormatChoice& choice : choices) least = std::min(least, relaxed(choice, lambda));
      suffix_[tensor] = {suffix_[tensor + 1].bytes + least_bytes(choices), suffix_[tensor + 1].relaxed_cost + least};
    }
  }

  /// `known` if nothing is better.
  BudgetSolution best(BudgetSolution known) {
    best_known_ = known.cost;
    std::vector<Partial> states(1);
    for (std::size_t tensor = 0; tensor < problem_.tensors.size(); ++tensor) {
      states = undominated(extended(states, tensor));
      drop_beyond_limit(states, tensor + 1);
      std::vector<Step>& steps = steps_.emplace_back();
      for (const Partial& state : states) steps.push_back({state.parent, state.choice});
    }
    // The bound lets states pass that cost more than what is known and leave bytes unused.
    const auto least = std::ranges::min_element(states, {}, &Partial::cost);
    if (least != states.end() && least->cost < known.cost)
      trace_back(static_cast<std::uint32_t>(least - states.begin()), known);
    sum_up(problem_, known);
    known.lower_bound = std::min(known.cost, dropped_bound_);
    return known;
  }

 private:
  struct Suffix {
    std::uint64_t bytes = 0;
    double relaxed_cost = 0;
  };

  /// What any allocation that begins with this costs at least.
  double bound(const Partial& state, std::size_t next_tensor) const {
    const auto left = static_cast<double>(problem_.budget_bytes) - static_cast<double>(state.bytes);
    return state.cost + suffix_[next_tensor].relaxed_cost - lambda_ * left;
  }

  std::vector<Partial> extended(const std::vector<Partial>& states, std::size_t tensor) const {
    std::vector<Partial> result;
    const Choices& choices = problem_.tensors[tensor];
    for (std::uint32_t parent = 0; parent < states.size(); ++parent)
      for (std::uint32_t choice = 0; choice < choices.size(); ++choice) {
        const Partial next{states[parent].bytes + choices[choice].bytes, states[parent].cost + choices[choice].cost,
                           parent, choice};
        if (next.bytes + suffix_[tensor + 1].bytes > problem_.budget_bytes) continue;
        if (bound(next, tensor + 1) < best_known_) result.push_back(next);
      }
    return result;
  }

  static std::vector<Partial> undominated(std::vector<Partial> states) {
    std::ranges::stable_sort(states, [](const Partial& a, const Partial& b) {
      return a.bytes != b.bytes ? a.bytes < b.bytes : a.cost < b.cost;
    });
    std::vector<Partial> result;
    for (const Partial& state : states)
      if (result.empty() || state.cost < result.back().cost) result.push_back(state);
    return result;
  }

  void drop_beyond_limit(std::vector<Partial>& states, std::size_t next_tensor) {
    if (states.size() <= most_states_) return;
    std::ranges::stable_sort(states, {}, [&](const Partial& state) { return bound(state, next_tensor); });
    dropped_bound_ = std::min(dropped_bound_, bound(states[most_states_], next_tensor));
    states.resize(most_states_);
  }

  void trace_back(std::uint32_t index, BudgetSolution& solution) const {
    for (std::size_t tensor = problem_.tensors.size(); tensor-- > 0;) {
      solution.choices[tensor] = steps_[tensor][index].choice;
      index = steps_[tensor][index].parent;
    }
  }

  const BudgetProblem& problem_;
  double lambda_;
  std::size_t most_states_;
  std::vector<Suffix> suffix_;  // of the tensors from here on
  std::vector<std::vector<Step>> steps_;
  double best_known_ = 0;
  double dropped_bound_ = std::numeric_limits<double>::infinity();
};

}  // namespace

BudgetSolution solve_budget(const BudgetProblem& problem, std::size_t most_states) {
  check(problem);
  Relaxation relaxation = relax(problem);
  exchange(problem, relaxation.solution);
  return Search(problem, relaxation.lambda, most_states).best(std::move(relaxation.solution));
}

}  // namespace quantbench
