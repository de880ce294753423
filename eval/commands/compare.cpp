#include <fmt/format.h>

#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/compare/compare.h"

namespace quantbench {
namespace {

struct CompareArguments {
  std::string base, now, gates, json, junit, markdown;
  std::vector<std::string> base_rounds, now_rounds;
};

ReportFile read_report_file(const std::string& path) { return {read_report(path), path}; }

std::vector<ReportFile> read_rounds(const std::vector<std::string>& paths) {
  std::vector<ReportFile> rounds;
  for (const std::string& path : paths) rounds.push_back(read_report_file(path));
  return rounds;
}

// Without reports of their own the first round of each side is compared, too.
std::string report_of_side(const std::string& given, const std::vector<std::string>& rounds, const char* name) {
  if (!given.empty()) return given;
  if (rounds.empty()) fail("compare: {} is required (or --base-rounds and --new-rounds)", name);
  return rounds.front();
}

int compare(const CompareArguments& arguments) {
  const ReportFile base = read_report_file(report_of_side(arguments.base, arguments.base_rounds, "BASE"));
  const ReportFile now = read_report_file(report_of_side(arguments.now, arguments.now_rounds, "NEW"));
  const Gates gates = arguments.gates.empty() ? default_gates() : read_gates(arguments.gates);
  const Rounds rounds{read_rounds(arguments.base_rounds), read_rounds(arguments.now_rounds)};
  const Comparison comparison = compare_reports(base, now, gates, rounds);
  print_text(to_text(checks_table(comparison.checks), terminal_width()));
  if (!arguments.json.empty()) write_text_atomically(arguments.json, to_json(comparison));
  if (!arguments.junit.empty()) write_text_atomically(arguments.junit, to_junit(comparison));
  if (!arguments.markdown.empty()) write_text_atomically(arguments.markdown, to_markdown(comparison));
  print_text(fmt::format("\n{}\n", summary_line(comparison)));
  return comparison.fails() ? 1 : 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<CompareArguments>();
  options.add("BASE", arguments->base, "report.json of the baseline");
  options.add("NEW", arguments->now, "report.json to judge");
  options.add("--gates", arguments->gates, "YAML file of limits; without it the default gates (docs/compare.md)");
  options
      .add("--base-rounds", arguments->base_rounds,
           "reports with the speed of kernels, in the order they were measured (scripts/interleave.sh)")
      .comma_separated();
  options.add("--new-rounds", arguments->now_rounds, "as many of the program to judge, measured in turn with those")
      .comma_separated();
  options.add("--json", arguments->json, "also write every check to this file");
  options.add("--junit", arguments->junit, "also write them as JUnit XML");
  options.add("--markdown", arguments->markdown, "also write a summary for a pull request");
  options.footer(
      "Exit codes: 0 no gate fails, 1 a gate fails, 2 the reports cannot be compared.\n\n"
      "Examples:\n"
      "  quantbench compare results/main/report.json /tmp/new/report.json\n"
      "  quantbench compare base.json new.json --gates configs/ci/gates.yaml --junit gates.xml --markdown summary.md\n"
      "  quantbench compare --base-rounds out/base/*.json --new-rounds out/new/*.json");
  return [arguments] { return compare(*arguments); };
}

const Register<Command> registered{"compare", {"Judge a report against a baseline by quality gates", declare}};

}  // namespace
}  // namespace quantbench
