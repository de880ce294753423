#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/explain/report_diff.h"

namespace quantbench {
namespace {

constexpr std::size_t most_rows_shown = 30;

struct DiffArguments {
  std::string first, second;
  std::vector<std::string> only;
  bool all = false, json = false;
};

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const DiffSection section : diff_sections()) names.emplace_back(to_string(section));
  return names;
}

std::vector<DiffSection> sections_of(const DiffArguments& arguments) {
  std::vector<DiffSection> sections;
  for (const DiffSection section : diff_sections())
    if (std::ranges::find(arguments.only, to_string(section)) != arguments.only.end()) sections.push_back(section);
  return sections;
}

int diff(const DiffArguments& arguments) {
  const ReportFile first{read_report(arguments.first), arguments.first};
  const ReportFile second{read_report(arguments.second), arguments.second};
  const ReportDiff diff = diff_reports(first, second, sections_of(arguments));
  print_text(arguments.json ? diff_json(first, second, diff)
                            : diff_text(first, second, diff, arguments.all ? 0 : most_rows_shown, terminal_width()));
  return diff.differences.empty() ? 0 : 1;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<DiffArguments>();
  options.add("FIRST", arguments->first, "report.json").required();
  options.add("SECOND", arguments->second, "another one").required();
  options.add("--only", arguments->only, "compare only these parts, with commas between")
      .comma_separated()
      .one_of(section_names());
  options.add_flag("--all", arguments->all,
                   fmt::format("show every figure, not the first {} of the leading ones", most_rows_shown));
  options.add_flag("--json", arguments->json, "print JSON: every difference, with whole values");
  options.footer(
      "Cells are paired by method. Seconds, figures of kernels and the number of threads differ from run to run: they "
      "are\n"
      "shown and count as no difference (docs/diff.md).\n"
      "Exit codes: 0 no difference, 1 differences, 2 a report cannot be read.\n\n"
      "Examples:\n"
      "  quantbench diff yesterday/report.json today/report.json\n"
      "  quantbench diff base.json new.json --only cells,results,tensors\n"
      "  quantbench diff a.json b.json --json | jq '.differences[] | select(.section == \"config\")'");
  return [arguments] { return diff(*arguments); };
}

const Register<Command> registered{"diff", {"Show all that differs between two reports", declare}};

}  // namespace
}  // namespace quantbench
