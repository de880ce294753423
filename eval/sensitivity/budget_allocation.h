// From sensitivities to a format for each tensor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/sensitivity/sensitivity.h"

namespace quantbench {

enum class DivergenceSource {
  measured,  // the KL divergence of each tensor and format
  estimated  // what the probe and second moments say (TensorSensitivity::estimate)
};

struct BudgetOptions {
  DivergenceSource source = DivergenceSource::measured;
  std::vector<std::string> formats;  // what may be chosen; empty: all that are known
};

struct BudgetAllocation {
  std::vector<std::pair<std::string, std::string>> formats;  // of each tensor, in the order of the sensitivities
  std::uint64_t bytes = 0;
  double bits_per_weight = 0;
  /// The sum over tensors, nats. What all do together is more or less than that: measure it.
  double predicted_divergence = 0;
  double lower_bound = 0;  // of any allocation within the budget; equal to the prediction when that is the optimum
};

/// Throws Error when a tensor has no figure to choose by, and when the budget is too small.
BudgetAllocation allocate_budget(const Sensitivity& sensitivity, std::uint64_t budget_bytes,
                                 const BudgetOptions& options);

/// The most bytes that are at most this many bits for each weight of all tensors.
std::uint64_t budget_of(const Sensitivity& sensitivity, double bits_per_weight);

/// A list of rules as `quantize --rules` takes it; with a name, a map of this one set as a config takes it under its key
/// `rules`. `remark`: one line for the head.
std::string rules_text(const BudgetAllocation& allocation, std::string_view remark, std::string_view name);

}  // namespace quantbench
