#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/parallel.h"
#include "eval/command.h"
#include "eval/commands/end_on_signal.h"
#include "eval/commands/run_progress.h"
#include "eval/commands/terminal.h"
#include "eval/config/config.h"
#include "eval/expectations/judge.h"
#include "eval/json_text.h"
#include "eval/render/render.h"
#include "eval/runner/prediction.h"
#include "eval/runner/report_files.h"
#include "eval/runner/runner.h"
#include "eval/sweep/record.h"

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
  bool shared_alone = false;
  std::string job;
  std::string plan;
};

constexpr int exit_no = 1;

std::filesystem::path folder_of(const RunArguments& arguments, const Config& config) {
  return arguments.out.empty() ? std::filesystem::path("results/store") / config.name
                               : std::filesystem::path(arguments.out);
}

/// What a run has done; members of its report when it writes one.
nlohmann::ordered_json json_of(const RunResult& result) {
  return {{"computed", result.computed}, {"reused", result.reused}, {"failed", result.failed}};
}

int finish(RunResult result, const Config& config, const std::filesystem::path& folder, bool json) {
  ReportFile file{std::move(result.report), folder / "report.json"};
  judge_expectations(config.expectations, config.model_name, file);
  write_report_files(file.report, file.path);
  if (json) {
    nlohmann::ordered_json document = json_of(result);
    document["cells"] = file.report.cells.size();
    document["expectations_hold"] = expectations_hold(file.report);
    document["report"] = file.path.string();
    print_text(json_text(document));
  } else {
    print_text(render_terminal(file.report, terminal_width()));
    print_text(fmt::format("\n{} cells: {} computed, {} from the store, {} failed\n{}\n", file.report.cells.size(),
                           result.computed, result.reused, result.failed, file.path.string()));
  }
  if (result.failed > 0) return exit_no;
  return config.expectations.strict && !expectations_hold(file.report) ? exit_no : 0;
}

/// A cluster starts what was submitted hours ago: the config may say something else now.
void check_plan(const RunArguments& arguments, const Plan& plan) {
  if (!arguments.plan.empty() && hash_of_plan(plan) != arguments.plan)
    fail("{}: the plan is {} and not {} as it was when it was submitted; submit it again", arguments.config,
         hash_of_plan(plan), arguments.plan);
}

/// Cells are all that a part of a sweep leaves: the report is written by `merge`, once, from all of them.
int finish_part(const RunResult& result, bool json) {
  print_text(
      json ? json_text(json_of(result))
           : fmt::format("{} computed, {} from the store, {} failed\n", result.computed, result.reused, result.failed));
  return result.failed > 0 ? exit_no : 0;
}

/// The claims of a run while there is one; a signal may come at any moment.
using ActiveClaims = std::atomic<std::shared_ptr<Claims>>;

int run_in_store(const Config& config, const Experiment& experiment, const Plan& plan, RunOptions& options,
                 ActiveClaims& active, const RunArguments& arguments) {
  const auto claims = std::make_shared<Claims>(options.folder, arguments.job);
  options.claims = claims.get();
  active = claims;
  RunResult result = run_plan(config, experiment, plan, options);
  active = std::shared_ptr<Claims>();
  const bool part = options.shard.count > 1 && is_submitted(options.folder);
  if (part || options.shared_alone) return finish_part(result, arguments.json);
  return finish(std::move(result), config, options.folder, arguments.json);
}

int run(const RunArguments& arguments) {
  const Config config = load_config(arguments.config, arguments.overrides);
  RunOptions options;
  options.folder = folder_of(arguments, config);
  options.fresh = arguments.fresh;
  options.shared_alone = arguments.shared_alone;
  options.threads = arguments.threads > 0 ? arguments.threads : config.threads.value_or(hardware_threads());
  options.shard = parse_shard(arguments.shard);
  RunProgress progress;
  for (const std::string& note : config.notes) progress.notice(note);
  ActiveClaims active;
  const EndOnSignal end([&] {
    if (const auto claims = active.load()) claims->abandon(ResultStore(options.folder).result_folders());
  });
  const Experiment experiment = load_experiment(config);
  Plan plan = make_plan(config, experiment);
  check_plan(arguments, plan);
  options.events = progress.events();
  // A task of a sweep was predicted when it was submitted.
  if (arguments.plan.empty()) predict_seconds(plan, experiment, {options.folder, options.threads, options.events});
  for (const std::string& note : plan.notes) progress.notice(note);
  if (arguments.dry_run) {
    print_text(arguments.json ? plan_json(plan, options.shard) : describe_plan(plan, options.shard));
    return 0;
  }
  return run_in_store(config, experiment, plan, options, active, arguments);
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<RunArguments>();
  options.add("CONFIG", arguments->config, "YAML file (docs/config.md)").required();
  options.add("--out", arguments->out, "folder of the report and of finished cells (default results/store/NAME)");
  options.add("--set", arguments->overrides, "key=value: change one value of the config; may be repeated")
      .one_value_each_time();
  options.add("--shard", arguments->shard, "I/N: run only the Ith of N parts of about equal work");
  options.add("--threads", arguments->threads, "threads (default: the config's, else all)").in_range(1, 1024);
  options.add_flag("--dry-run", arguments->dry_run, "print the cells with their size and predicted time; run nothing");
  options.add_flag("--json", arguments->json, "print a summary as JSON, with --dry-run the plan");
  options.add_flag("--fresh", arguments->fresh, "compute every cell again, finished or not");
  options.add_flag("--shared-only", arguments->shared_alone,
                   "finish only what cells share: calibration, base logits and the f32 cell; no report");
  options.add("--job", arguments->job, "what `status` calls this process, for example the job of a queue");
  options.add("--plan", arguments->plan, "refuse when the config has other cells by now (submit sets this)");
  options.footer(
      "Finished cells are kept: a run that was interrupted goes on where it stopped. In the folder of a submitted "
      "sweep a\n"
      "shard writes no report: `merge` does (docs/sweeps.md).\n"
      "Exit codes: 0 all cells finished, 1 a cell failed (the others are reported), 2 bad config or usage, 143 ended "
      "by\n"
      "SIGTERM and 130 by ctrl-C, both cleanly. With 'expectations: {strict: true}' also 1 when a figure is outside of "
      "its\n"
      "tolerance or an ordering fails.\n"
      "Examples:\n"
      "  quantbench run configs/default.yaml\n"
      "  quantbench run configs/default.yaml --set dataset.chunks=10 --set 'methods=[f32, q4_0]' --out /tmp/quick");
  return [arguments] { return run(*arguments); };
}

const Register<Command> registered{"run", {"Run a config: quantize, measure, report", declare}};

}  // namespace
}  // namespace quantbench
