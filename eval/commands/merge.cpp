#include "eval/runner/merge.h"
#include "eval/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/config/config.h"
#include "eval/expectations/judge.h"
#include "eval/render/render.h"
#include "eval/runner/report_files.h"

namespace quantbench {
namespace {

struct MergeArguments {
  std::vector<std::string> folders;
  std::string out;
  std::string config;
  std::vector<std::string> overrides;
  bool partial = false, json = false;
};

constexpr int exit_no = 1;

/// As `run` does at its end.
int judge(const MergeArguments& arguments, ReportFile& file) {
  const Config config = load_config(arguments.config, arguments.overrides);
  judge_expectations(config.expectations, config.model_name, file);
  const auto failed =
      std::ranges::count_if(file.report.cells, [](const CellReport& cell) { return cell.status != "ok"; });
  if (failed > 0) fmt::print(stderr, "note: {} cells failed\n", failed);
  if (failed > 0) return exit_no;
  return config.expectations.strict && !expectations_hold(file.report) ? exit_no : 0;
}

std::string json_of(const Report& report, const MergedStores& merged, const std::string& out) {
  const nlohmann::ordered_json document{{"report", out},
                                        {"cells", report.cells.size()},
                                        {"failed", std::ranges::count(report.cells, "failed", &CellReport::status)},
                                        {"kernels", report.kernels.size()},
                                        {"missing", merged.missing},
                                        {"expectations_hold", expectations_hold(report)}};
  return json_text(document);
}

int merge(const MergeArguments& arguments) {
  const MergedStores merged = merge_stores({arguments.folders.begin(), arguments.folders.end()}, arguments.out);
  for (const std::string& cell : merged.missing) fmt::print(stderr, "note: not finished: {}\n", cell);
  if (!merged.missing.empty() && !arguments.partial)
    fail("{} planned cells are not finished; finish them with `run`, or give --partial", merged.missing.size());
  ReportFile file{merged.report, arguments.out};
  const int code = arguments.config.empty() ? 0 : judge(arguments, file);
  write_report_files(file.report, file.path);
  if (arguments.json) {
    print_text(json_of(file.report, merged, arguments.out));
    return code;
  }
  print_text(render_terminal(file.report, terminal_width()));
  print_text(arguments.out + "\n");
  return code;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<MergeArguments>();
  options.add("DIR", arguments->folders, "folders that `run` wrote to").required();
  options.add("--out", arguments->out, "the JSON report to write").required();
  options.add_flag("--partial", arguments->partial, "merge even when planned cells are not finished");
  options.add(
      "--config", arguments->config,
      "the config of the run: its expectations are judged, and the exit code is 1 when a cell failed, as of `run`");
  options.add("--set", arguments->overrides, "as of the run; may be repeated").one_value_each_time();
  options.add_flag("--json", arguments->json, "print the summary as JSON, not the table");
  options.footer(
      "Exit codes: 0 merged, 1 with --config as `run`, 2 cells are missing or the folders do not merge.\n"
      "Examples:\n"
      "  quantbench run sweep.yaml --shard 1/2 --out a; quantbench run sweep.yaml --shard 2/2 --out b\n"
      "  quantbench merge a b --out merged/report.json");
  return [arguments] { return merge(*arguments); };
}

const Register<Command> registered{"merge", {"Combine the results of several runs into one report", declare}};

}  // namespace
}  // namespace quantbench
