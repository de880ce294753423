#include <fmt/format.h>

#include "core/parallel.h"
#include "eval/command.h"
#include "eval/commands/run_progress.h"
#include "eval/commands/terminal.h"
#include "eval/config/config.h"
#include "eval/expectations/judge.h"
#include "eval/render/render.h"
#include "eval/runner/prediction.h"
#include "eval/runner/report_files.h"
#include "eval/runner/runner.h"

namespace quantbench {
namespace {

struct RunArguments {
  std::string config;
  std::string out;
  std::vector<std::string> overrides;
  std::string shard = "1/1";
  int threads = 0;
  bool dry_run = false;
  bool fresh = false;
  bool json = false;
};

constexpr int exit_no = 1;

std::filesystem::path folder_of(const RunArguments& arguments, const Config& config) {
  return arguments.out.empty() ? std::filesystem::path("results/store") / config.name
                               : std::filesystem::path(arguments.out);
}

int finish(RunResult result, const Config& config, const std::filesystem::path& folder) {
  ReportFile file{std::move(result.report), folder / "report.json"};
  judge_expectations(config.expectations, config.model_name, file);
  write_report_files(file.report, file.path);
  print_text(render_terminal(file.report, terminal_width()));
  print_text(fmt::format("\n{} cells: {} computed, {} from the store, {} failed\n{}\n", file.report.cells.size(),
                         result.computed, result.reused, result.failed, file.path.string()));
  if (result.failed > 0) return exit_no;
  return config.expectations.strict && !expectations_hold(file.report) ? exit_no : 0;
}

int run(const RunArguments& arguments) {
  const Config config = load_config(arguments.config, arguments.overrides);
  RunOptions options;
  options.folder = folder_of(arguments, config);
  options.fresh = arguments.fresh;
  options.threads = arguments.threads > 0 ? arguments.threads : config.threads.value_or(hardware_threads());
  options.shard = parse_shard(arguments.shard);
  RunProgress progress;
  for (const std::string& note : config.notes) progress.notice(note);
  const Experiment experiment = load_experiment(config);
  Plan plan = make_plan(config, experiment);
  options.events = progress.events();
  predict_seconds(plan, experiment, {options.folder, options.threads, options.events});
  for (const std::string& note : plan.notes) progress.notice(note);
  if (arguments.dry_run) {
    print_text(arguments.json ? plan_json(plan, options.shard) : describe_plan(plan, options.shard));
    return 0;
  }
  return finish(run_plan(config, experiment, plan, options), config, options.folder);
}

std::function<int()> declare(CLI::App& app) {
  auto arguments = std::make_shared<RunArguments>();
  app.add_option("CONFIG", arguments->config, "YAML file (docs/config.md)")->required();
  app.add_option("--out", arguments->out, "folder of the report and of finished cells (default results/store/NAME)");
  app.add_option("--set", arguments->overrides, "key=value: change one value of the config; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--shard", arguments->shard, "I/N: run only every Nth cell, beginning with the Ith");
  app.add_option("--threads", arguments->threads, "threads (default: the config's, else all)")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--dry-run", arguments->dry_run, "print the cells with their size and predicted time; run nothing");
  app.add_flag("--json", arguments->json, "with --dry-run: print the plan as JSON");
  app.add_flag("--fresh", arguments->fresh, "compute every cell again, finished or not");
  app.footer(
      "Finished cells are kept: a run that was interrupted goes on where it stopped.\n"
      "Exit codes: 0 all cells finished, 1 a cell failed (the others are reported), 2 bad config or usage. With\n"
      "'expectations: {strict: true}' also 1 when a figure is outside of its tolerance or an ordering fails.\n"
      "Examples:\n"
      "  quantbench run configs/default.yaml\n"
      "  quantbench run configs/default.yaml --set dataset.chunks=10 --set 'methods=[f32, q4_0]' --out /tmp/quick");
  return [arguments] { return run(*arguments); };
}

const Register<Command> registered{"run", {"Run a config: quantize, measure, report", declare}};

}  // namespace
}  // namespace quantbench
