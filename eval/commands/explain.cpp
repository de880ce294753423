#include "eval/explain/explain.h"

#include <memory>

#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/explain/cell_figures_explained.h"

namespace quantbench {
namespace {

struct ExplainArguments {
  std::string first, second, method;
  bool json = false;
};

int explain(const ExplainArguments& arguments) {
  const ReportFile first{read_report(arguments.first), arguments.first};
  if (!arguments.method.empty()) {
    const CellReport& cell = find_explained_cell(first, arguments.method);
    print_text(arguments.json ? explain_cell_json(first, cell) : explain_cell_text(first, cell, terminal_width()));
    return 0;
  }
  if (arguments.second.empty()) {
    print_text(arguments.json ? explain_json(first) : explain_text(first, terminal_width()));
    return 0;
  }
  const ReportFile second{read_report(arguments.second), arguments.second};
  print_text(arguments.json ? explain_json(first, second) : explain_text(first, second, terminal_width()));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<ExplainArguments>();
  options.add("REPORT", arguments->first, "report.json").required();
  const DeclaredOption second =
      options.add("REPORT2", arguments->second, "another one: say which facts differ, the likeliest cause first");
  options
      .add("--method", arguments->method, "explain the figures of this cell: each as a formula with its numbers put in")
      .excludes(second);
  options.add_flag("--json", arguments->json, "print JSON");
  options.footer(
      "Examples:\n"
      "  quantbench explain results/store/default/report.json\n"
      "  quantbench explain results/store/default/report.json --method q4_k\n"
      "  quantbench explain mine/report.json theirs/report.json");
  return [arguments] { return explain(*arguments); };
}

const Register<Command> registered{
    "explain", {"Say which facts a report's numbers come from, and which differ between two reports", declare}};

}  // namespace
}  // namespace quantbench
