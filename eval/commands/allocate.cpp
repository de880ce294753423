#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/json_text.h"
#include "eval/sensitivity/budget_allocation.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

struct AllocateArguments {
  std::string sensitivities, rules_out, name;
  std::vector<std::string> formats;
  double bits_per_weight = 0, mebibytes = 0;
  bool estimated = false, json = false;
};

std::string summary(const BudgetAllocation& allocation) {
  std::map<std::string, std::vector<std::string>> by_format;
  for (const auto& [tensor, format] : allocation.formats) by_format[format].push_back(tensor);
  std::string text;
  for (const auto& [format, tensors] : by_format)
    text += fmt::format("{:<10} {:>4} tensors: {}\n", format, tensors.size(), fmt::join(tensors, " "));
  return text;
}

std::string remark(const BudgetAllocation& allocation, const Sensitivity& sensitivity) {
  const double gap = allocation.predicted_divergence - allocation.lower_bound;
  return fmt::format("{:.4f} bits per weight, {} bytes, predicted KL divergence {:.4g} nats ({}), for --method {}",
                     allocation.bits_per_weight, allocation.bytes, allocation.predicted_divergence,
                     gap <= 0 ? "the optimum" : fmt::format("at most {:.2g} above the optimum", gap),
                     sensitivity.origin.method);
}

std::string json_of(const BudgetAllocation& allocation, const Sensitivity& sensitivity, const std::string& rules) {
  const nlohmann::ordered_json document{{"rules", rules},
                                        {"method", sensitivity.origin.method},
                                        {"bits_per_weight", allocation.bits_per_weight},
                                        {"bytes", allocation.bytes},
                                        {"predicted_divergence", allocation.predicted_divergence},
                                        {"lower_bound", allocation.lower_bound},
                                        {"formats", allocation.formats}};
  return json_text(document);
}

int allocate(const AllocateArguments& arguments) {
  if ((arguments.bits_per_weight > 0) == (arguments.mebibytes > 0)) fail("give either --budget or --size");
  const Sensitivity sensitivity = read_sensitivity(arguments.sensitivities);
  BudgetOptions options;
  if (arguments.estimated) options.source = DivergenceSource::estimated;
  for (const std::string& format : arguments.formats) options.formats.push_back(find_format(format)->id);
  const std::uint64_t bytes = arguments.bits_per_weight > 0
                                  ? budget_of(sensitivity, arguments.bits_per_weight)
                                  : static_cast<std::uint64_t>(arguments.mebibytes * (1 << 20));
  const BudgetAllocation allocation = allocate_budget(sensitivity, bytes, options);
  const std::string head = remark(allocation, sensitivity);
  write_text_atomically(arguments.rules_out, rules_text(allocation, head, arguments.name));
  print_text(arguments.json ? json_of(allocation, sensitivity, arguments.rules_out)
                            : fmt::format("{}: {}\n{}", arguments.rules_out, head, summary(allocation)));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<AllocateArguments>();
  options.add("SENSITIVITY", arguments->sensitivities, "what `quantbench sensitivity` wrote").required();
  options.add("--budget", arguments->bits_per_weight, "bits per weight, over all tensors that are quantized")
      .positive();
  options.add("--size", arguments->mebibytes, "MiB of all tensors that are quantized, instead of --budget").positive();
  options.add("--rules-out", arguments->rules_out, "rules to write: one for each tensor").required();
  options.add("--name", arguments->name, "write the rules as a set of this name, for configs to include");
  options.add("--formats", arguments->formats, "choose among these only, separated by commas").comma_separated();
  options.add_flag("--estimated", arguments->estimated,
                   "choose by the second-order estimate instead of the measured divergences");
  options.add_flag("--json", arguments->json, "print the summary as JSON");
  options.footer(
      "Finds the formats whose divergences sum up to the least within the budget, exactly (docs/sensitivity.md). What "
      "all\n"
      "tensors do together is not that sum: measure the result with `quantbench run` or `quantbench perplexity`.\n\n"
      "Examples:\n"
      "  quantbench allocate s.json --budget 3.5 --rules-out rules.yaml\n"
      "  quantbench allocate s.json --size 4096 --formats q2_k,q3_k,q4_k --rules-out rules.yaml");
  return [arguments] { return allocate(*arguments); };
}

const Register<Command> registered{"allocate",
                                   {"Choose a format for each tensor within a budget, by their sensitivity", declare}};

}  // namespace
}  // namespace quantbench
