#include "eval/runner/merge.h"

#include <fmt/format.h>

#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/render/render.h"
#include "eval/runner/report_files.h"

namespace quantbench {
namespace {

struct MergeArguments {
  std::vector<std::string> folders;
  std::string out;
  bool partial = false;
};

int merge(const MergeArguments& arguments) {
  const MergedStores merged = merge_stores({arguments.folders.begin(), arguments.folders.end()}, arguments.out);
  for (const std::string& cell : merged.missing) fmt::print(stderr, "note: not finished: {}\n", cell);
  if (!merged.missing.empty() && !arguments.partial)
    fail("{} planned cells are not finished; finish them with `run`, or give --partial", merged.missing.size());
  write_report_files(merged.report, arguments.out);
  print_text(render_terminal(merged.report, terminal_width()));
  print_text(arguments.out + "\n");
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  auto arguments = std::make_shared<MergeArguments>();
  app.add_option("DIR", arguments->folders, "folders that `run` wrote to")->required();
  app.add_option("--out", arguments->out, "the JSON report to write")->required();
  app.add_flag("--partial", arguments->partial, "merge even when planned cells are not finished");
  app.footer(
      "Examples:\n"
      "  quantbench run sweep.yaml --shard 1/2 --out a; quantbench run sweep.yaml --shard 2/2 --out b\n"
      "  quantbench merge a b --out merged/report.json");
  return [arguments] { return merge(*arguments); };
}

const Register<Command> registered{"merge", {"Combine the results of several runs into one report", declare}};

}  // namespace
}  // namespace quantbench
