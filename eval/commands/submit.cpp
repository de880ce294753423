#include <fmt/format.h>

#include <memory>

#include "core/parallel.h"
#include "eval/command.h"
#include "eval/commands/end_on_signal.h"
#include "eval/commands/run_progress.h"
#include "eval/commands/terminal.h"
#include "eval/config/config.h"
#include "eval/runner/prediction.h"
#include "eval/runner/runner.h"
#include "eval/sweep/engine.h"
#include "eval/sweep/process.h"

namespace quantbench {
namespace {

struct SubmitArguments {
  std::string config;
  std::string engine;
  std::string out;
  std::vector<std::string> overrides;
  std::size_t tasks = 0, at_once = 0;  // 0: not said
  int threads = 0;
  bool dry_run = false;
  std::vector<std::string> engine_options;
};

struct PlannedSweep {
  Sweep sweep;
  StoredPlan plan;
};

std::optional<std::size_t> if_said(std::size_t value) { return value > 0 ? std::optional(value) : std::nullopt; }

PlannedSweep plan_of(const SubmitArguments& arguments, const Engine& engine) {
  RunProgress progress;
  const Config config = load_config(arguments.config, arguments.overrides);
  for (const std::string& note : config.notes) progress.notice(note);
  const Experiment experiment = load_experiment(config);
  Plan plan = make_plan(config, experiment);
  for (const std::string& note : plan.notes) progress.notice(note);
  SweepRequest request{.program = std::filesystem::read_symlink("/proc/self/exe"),
                       .config = arguments.config,
                       .folder = arguments.out.empty() ? std::filesystem::path("results/store") / config.name
                                                       : std::filesystem::path(arguments.out),
                       .overrides = arguments.overrides,
                       .tasks = if_said(arguments.tasks),
                       .at_once = if_said(arguments.at_once),
                       .engine_options = arguments.engine_options};
  SweepSize size{.cells = plan.cells.size(), .at_once = request.at_once};
  request.threads = arguments.threads > 0 ? arguments.threads : config.threads.value_or(engine.default_threads(size));
  predict_seconds(plan, experiment, {request.folder, request.threads, progress.events()});
  for (const PlannedCell& cell : plan.cells) size.seconds += cell.seconds.total();
  return {plan_sweep(config, plan, std::move(request), engine.default_tasks(size)),
          stored_plan(config, experiment, plan, arguments.threads > 0 ? arguments.threads : 1)};
}

void check_not_queued(const std::filesystem::path& folder) {
  const auto record = read_record(folder);
  if (!record) return;
  const std::string queued = Registry<Engine>::instance().at(record->engine).queued(*record);
  if (!queued.empty())
    fail(
        "{} is submitted already and its jobs are in the queue; `quantbench status` shows how far they are, scancel {} "
        "ends "
        "them: {}",
        folder.string(), fmt::join(record->jobs, " "), queued);
}

/// Nothing is left to run: only the report is.
int merge_here(const Sweep& sweep) {
  print_text(fmt::format("all {} cells are finished: only the report is joined\n", sweep.cells));
  const FinishedProcess done = run_process(merge_command(sweep));
  print_text(done.output);
  fmt::print(stderr, "{}", done.errors);
  return done.exit_code;
}

int start(const PlannedSweep& planned, const Engine& engine, const std::string& engine_name) {
  const std::filesystem::path& folder = planned.sweep.request.folder;
  const ResultStore store(folder);
  Claims claims(folder, "submit");
  const auto claim = claims.try_claim("submit", "submit");
  if (!claim) {
    const auto other = claims.held_by("submit");
    fail("{} is being swept already{}", folder.string(), other ? " by " + to_string(other->holder) : "");
  }
  check_not_queued(folder);
  std::filesystem::create_directories(submit_folder(folder));
  store.write_plan(planned.plan);
  SweepRecord record{engine_name,          planned.sweep.name,  planned.sweep.plan,
                     planned.sweep.shards, planned.sweep.cells, {}};
  write_record(folder, record);
  const int code = planned.sweep.tasks.empty() ? merge_here(planned.sweep) : engine.run(planned.sweep, record);
  write_record(folder, record);
  return code;
}

int submit(const SubmitArguments& arguments) {
  const Engine& engine = Registry<Engine>::instance().at(arguments.engine);
  PlannedSweep planned;
  {
    // Also lets the threads that planning starts inherit that these signals are for the engine.
    const EndOnSignal end([] {});
    planned = plan_of(arguments, engine);
  }
  print_text(describe_sweep(planned.sweep));
  if (arguments.dry_run) {
    if (!planned.sweep.tasks.empty()) print_text(engine.describe(planned.sweep));
    return 0;
  }
  std::fflush(stdout);
  return start(planned, engine, arguments.engine);
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<SubmitArguments>();
  options.add("CONFIG", arguments->config, "YAML file (docs/config.md)").required();
  options.add("--engine", arguments->engine, "local: processes on this machine; slurm: jobs of a cluster").required();
  options.add("--out", arguments->out, "folder of the report and of finished cells (default results/store/NAME)");
  options.add("--set", arguments->overrides, "key=value: change one value of the config; may be repeated")
      .one_value_each_time();
  options
      .add("--tasks", arguments->tasks,
           "parts that the cells are dealt to (default: local 4 for each process; slurm 8, or as many as make an "
           "hour each)")
      .in_range(1, 10000);
  options.add("--at-once", arguments->at_once, "tasks that run at the same time (default: local 2, slurm all)")
      .in_range(1, 10000);
  options
      .add("--threads", arguments->threads,
           "of each task (default: the config's; else local this machine's divided by --at-once, slurm 4)")
      .in_range(1, 1024);
  options.add_flag("--dry-run", arguments->dry_run, "print the tasks and what would be submitted; write nothing");
  options.add("ENGINE_OPTIONS", arguments->engine_options, "after --: options of sbatch");
  options.footer(
      "Finished cells are kept: submitting again runs only what is missing.\n"
      "Exit codes: local as `run`; slurm 0 when the jobs are submitted; 2 bad config or usage, or the sweep is queued "
      "already.\n"
      "Examples (docs/sweeps.md):\n"
      "  quantbench submit sweep.yaml --engine local --at-once 4\n"
      "  quantbench submit sweep.yaml --engine slurm --tasks 40 --at-once 10 -- --partition=long --account=lab\n"
      "  quantbench status results/store/sweep");
  return [arguments] { return submit(*arguments); };
}

const Register<Command> registered{"submit", {"Run a sweep over processes or a cluster", declare}};

}  // namespace
}  // namespace quantbench
