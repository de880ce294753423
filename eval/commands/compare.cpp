#include <fmt/format.h>

#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/compare/compare.h"

namespace quantbench {
namespace {

struct CompareArguments {
  std::string base, now, gates, json;
};

int compare(const CompareArguments& arguments) {
  const Gates gates = arguments.gates.empty() ? default_gates() : read_gates(arguments.gates);
  const ReportFile base{read_report(arguments.base), arguments.base};
  const ReportFile now{read_report(arguments.now), arguments.now};
  const Comparison comparison = compare_reports(base, now, gates);
  print_text(to_text(comparison_table(comparison), terminal_width()));
  if (!arguments.json.empty()) write_text_atomically(arguments.json, to_json(comparison));
  print_text(fmt::format("\n{}: {} passed, {} regressed, {} not checked, against {}\n",
                         comparison.regression() ? "REGRESSION" : "PASS", comparison.count(Verdict::pass),
                         comparison.count(Verdict::regression), comparison.count(Verdict::not_checked), gates.source));
  return comparison.regression() ? 1 : 0;
}

std::function<int()> declare(CLI::App& app) {
  auto arguments = std::make_shared<CompareArguments>();
  app.add_option("BASE", arguments->base, "report.json of the baseline")->required();
  app.add_option("NEW", arguments->now, "report.json to judge")->required();
  app.add_option("--gates", arguments->gates, "YAML file of limits; without it the default gates (docs/compare.md)");
  app.add_option("--json", arguments->json, "also write every check to this file");
  app.footer(
      "Exit codes: 0 every gate holds, 1 a regression, 2 the reports cannot be compared.\n\n"
      "Examples:\n"
      "  quantbench compare results/main/report.json /tmp/new/report.json\n"
      "  quantbench compare base.json new.json --gates configs/ci/gates.yaml --json verdict.json");
  return [arguments] { return compare(*arguments); };
}

const Register<Command> registered{"compare", {"Judge a report against a baseline by quality gates", declare}};

}  // namespace
}  // namespace quantbench
