#include "eval/sensitivity/budget_allocation.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "quantizers/allocation/budget.h"

namespace quantbench {
namespace {

bool may_choose(const BudgetOptions& options, const std::string& format) {
  return options.formats.empty() || std::ranges::find(options.formats, format) != options.formats.end();
}

std::optional<double> divergence_of(const TensorSensitivity& tensor, const FormatSensitivity& format,
                                    DivergenceSource source, const std::string& probe) {
  if (source == DivergenceSource::estimated) return tensor.estimate(format, probe);
  return format.kld ? std::optional(format.kld->mean) : std::nullopt;
}

std::size_t weights_of(const Sensitivity& sensitivity) {
  std::size_t weights = 0;
  for (const TensorSensitivity& tensor : sensitivity.tensors) weights += tensor.weights();
  return weights;
}

/// A name as a regular expression that finds nothing else.
std::string pattern_of(std::string_view name) {
  static constexpr std::string_view special = R"(\^$.|?*+()[]{})";
  std::string pattern = "^";
  for (const char letter : name) {
    if (special.find(letter) != std::string_view::npos) pattern += '\\';
    pattern += letter;
    if (letter == '\'') pattern += '\'';  // of YAML, within single quotes
  }
  return pattern + "$";
}

}  // namespace

BudgetAllocation allocate_budget(const Sensitivity& sensitivity, std::uint64_t budget_bytes,
                                 const BudgetOptions& options) {
  BudgetProblem problem{{}, budget_bytes};
  std::vector<std::vector<std::string>> names;
  for (const TensorSensitivity& tensor : sensitivity.tensors) {
    auto& choices = problem.tensors.emplace_back();
    auto& formats = names.emplace_back();
    for (const FormatSensitivity& format : tensor.formats) {
      const auto divergence = divergence_of(tensor, format, options.source, sensitivity.probe);
      if (!divergence || !may_choose(options, format.format)) continue;
      choices.push_back({format.bytes, *divergence});
      formats.push_back(format.format);
    }
    if (choices.empty()) fail("tensor '{}': no format that may be chosen has a figure to choose by", tensor.name);
  }
  const BudgetSolution solution = solve_budget(problem);
  BudgetAllocation result{{}, solution.bytes, 0, solution.cost, solution.lower_bound};
  result.bits_per_weight = 8 * static_cast<double>(solution.bytes) / static_cast<double>(weights_of(sensitivity));
  for (std::size_t tensor = 0; tensor < names.size(); ++tensor)
    result.formats.emplace_back(sensitivity.tensors[tensor].name, names[tensor][solution.choices[tensor]]);
  return result;
}

std::uint64_t budget_of(const Sensitivity& sensitivity, double bits_per_weight) {
  return static_cast<std::uint64_t>(std::floor(bits_per_weight / 8 * static_cast<double>(weights_of(sensitivity))));
}

std::string rules_text(const BudgetAllocation& allocation, std::string_view remark, std::string_view name) {
  std::string text = fmt::format("# {}\n", remark);
  const std::string indent = name.empty() ? "" : "    ";
  if (!name.empty()) text += fmt::format("rules:\n  {}:\n", name);
  for (const auto& [tensor, format] : allocation.formats)
    text += fmt::format("{}- {{tensor: '{}', format: '{}'}}\n", indent, pattern_of(tensor), format);
  return text;
}

}  // namespace quantbench
