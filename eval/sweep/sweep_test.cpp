#include "eval/sweep/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/runner/runner.h"
#include "eval/runner/shards.h"
#include "eval/sweep/process.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TinyExperiment;

Sweep sweep_of(const TinyExperiment& tiny, std::optional<std::size_t> tasks) {
  SweepRequest request{
      .program = "/bin/quantbench", .config = tiny.folder / "tiny.yaml", .folder = tiny.folder / "store"};
  request.tasks = tasks;
  request.overrides = {"seed=3"};
  return plan_sweep(tiny.config, tiny.plan, request, 2);
}

TEST(Sweep, EveryCellIsInOneTask) {
  const TinyExperiment tiny;
  for (const std::size_t tasks : {1u, 2u, 5u, 9u}) {
    const Sweep sweep = sweep_of(tiny, tasks);
    EXPECT_EQ(sweep.waiting(), 5u);
    EXPECT_EQ(sweep.tasks.size(), std::min<std::size_t>(tasks, 5)) << "no task without cells";
    double seconds = 0;
    for (const PlannedCell& cell : tiny.plan.cells) seconds += assumed_seconds(cell);
    EXPECT_NEAR(sweep.total_seconds(), seconds, 1e-9);
    EXPECT_EQ(sweep.shared_seconds > 0, tasks > 1) << "one task makes what it needs itself";
  }
  EXPECT_EQ(sweep_of(tiny, std::nullopt).shards, 2u);
}

TEST(Sweep, FinishedCellsAreNoWork) {
  const TinyExperiment tiny;
  RunOptions options;
  options.folder = tiny.folder / "store";
  options.shard = {1, 2};
  const RunResult half = run_plan(tiny.config, tiny.experiment, tiny.plan, options);
  // The f32 cell is made by every shard.
  const Sweep sweep = sweep_of(tiny, 2);
  EXPECT_EQ(sweep.waiting(), 5u - (half.report.cells.size() + (half.report.cells[0].method == "f32" ? 0 : 1)));
  options.shard = {};
  run_plan(tiny.config, tiny.experiment, tiny.plan, options);
  EXPECT_TRUE(sweep_of(tiny, 2).tasks.empty());
}

TEST(Sweep, TheCommandsAreThoseOfTheConfig) {
  const TinyExperiment tiny;
  const Sweep sweep = sweep_of(tiny, 3);
  const std::string config = (tiny.folder / "tiny.yaml").string(), store = (tiny.folder / "store").string();
  EXPECT_THAT(task_command(sweep, "2"),
              testing::ElementsAre("/bin/quantbench", "run", config, "--set", "seed=3", "--out", store, "--plan",
                                   hash_of_plan(tiny.plan), "--shard", "2/3"));
  EXPECT_THAT(merge_command(sweep),
              testing::ElementsAre("/bin/quantbench", "merge", store, "--out", store + "/report.json", "--config",
                                   config, "--set", "seed=3"));
  EXPECT_THAT(shared_command(sweep), testing::Contains("--shared-only"));
  EXPECT_THAT(describe_sweep(sweep), HasSubstr("5 of 5 cells in 3 tasks"));
}

TEST(Sweep, TheShellReadsQuotedWordsAsTheyAre) {
  for (const char* word : {"plain", "", "two words", "it's", "$HOME \"x\" `ls` \\", "a\nb", "*", "[f32, q4_0]", "~"})
    EXPECT_EQ(run_process({"sh", "-c", "printf %s " + shell_quoted(word)}).output, word);
}

TEST(Process, GivesOutputErrorsAndExitCode) {
  const FinishedProcess done = run_process({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(done.output, "out\n");
  EXPECT_EQ(done.errors, "err\n");
  EXPECT_EQ(done.exit_code, 7);
  EXPECT_EQ(run_process({"sh", "-c", "kill -KILL $$"}).exit_code, 137);
  EXPECT_THROW(run_process({"no_such_program_anywhere"}), Error);
  EXPECT_TRUE(is_in_path("sh"));
  EXPECT_FALSE(is_in_path("no_such_program_anywhere"));
}

}  // namespace
}  // namespace quantbench
