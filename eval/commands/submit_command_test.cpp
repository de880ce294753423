#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "eval/commands/run_program_for_tests.h"
#include "eval/report.h"
#include "eval/runner/claims.h"
#include "eval/runner/runner.h"
#include "eval/sweep/process.h"
#include "eval/sweep/record.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing_support::TemporaryFolder;
using testing_support::TinyExperiment;

fs::path program() { return fs::read_symlink("/proc/self/exe").parent_path() / "quantbench"; }

std::string on_tiny(const TinyExperiment& tiny, const std::string& command, const std::string& more) {
  return command + " " + (tiny.folder / "tiny.yaml").string() + " --out " + (tiny.folder / "sweep").string() + " " +
         more;
}

std::string comparable(const fs::path& report) { return to_json(without_timings(read_report(report))); }

std::string report_of_run(const TinyExperiment& tiny) {
  run_program("run " + (tiny.folder / "tiny.yaml").string() + " --threads 1 --out " + (tiny.folder / "run").string());
  return comparable(tiny.folder / "run" / "report.json");
}

TEST(SubmitCommand, LocalProcessesGiveTheReportOfRun) {
  const TinyExperiment tiny;
  const ProgramResult result = run_program(on_tiny(tiny, "submit", "--engine local --tasks 3 --at-once 2"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("5 of 5 cells in 3 tasks"));
  EXPECT_EQ(comparable(tiny.folder / "sweep" / "report.json"), report_of_run(tiny));
  const ProgramResult again = run_program(on_tiny(tiny, "submit", "--engine local"));
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_THAT(again.output, HasSubstr("all 5 cells are finished"));
  const std::string before = read_text(tiny.folder / "sweep" / "report.json");
  const ProgramResult shard = run_program(on_tiny(tiny, "run", "--shard 1/3"));
  EXPECT_THAT(shard.output, HasSubstr("0 computed"));
  EXPECT_EQ(read_text(tiny.folder / "sweep" / "report.json"), before) << "a shard of a sweep writes no report";
}

TEST(SubmitCommand, ExpectationsAreJudgedAsByRun) {
  const TinyExperiment tiny("[f32, rtn:q4_0]", {});
  write_text_atomically(tiny.folder / "tiny.yaml", read_text(tiny.folder / "tiny.yaml") +
                                                       "expectations: {strict: true, source: a test, metric: "
                                                       "perplexity, ordering: [{better: 'rtn:q4_0', worse: f32}]}\n");
  const ProgramResult local = run_program(on_tiny(tiny, "submit", "--engine local"));
  const ProgramResult alone =
      run_program("run " + (tiny.folder / "tiny.yaml").string() + " --out " + (tiny.folder / "run").string());
  ASSERT_NE(alone.exit_code, 2) << alone.errors;
  EXPECT_EQ(local.exit_code, alone.exit_code) << local.errors;
  EXPECT_EQ(comparable(tiny.folder / "sweep" / "report.json"), comparable(tiny.folder / "run" / "report.json"))
      << "expectations are judged";
  EXPECT_EQ(read_report(tiny.folder / "sweep" / "report.json").orderings.size(), 1u);
}

TEST(SubmitCommand, ADryRunTouchesNothing) {
  const TinyExperiment tiny;
  for (const char* engine : {"local", "slurm"}) {
    const ProgramResult result = run_program(on_tiny(tiny, "submit", fmt::format("--engine {} --dry-run", engine)));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.output, HasSubstr("5 of 5 cells"));
    EXPECT_FALSE(fs::exists(tiny.folder / "sweep"));
  }
}

TEST(SubmitCommand, BadInputIsExitCode2AndOneLine) {
  const TinyExperiment tiny;
  for (const char* more : {"--engine nobody", "--engine local --set methds=[f32]", "--engine local -- --partition=long",
                           "--engine slurm -- --array=1-3"}) {
    const ProgramResult result = run_program(on_tiny(tiny, "submit", more));
    EXPECT_EQ(result.exit_code, 2) << more;
    EXPECT_THAT(result.errors, HasSubstr("quantbench: error: ")) << more;
  }
}

TEST(SubmitCommand, ASweepThatRunsIsNotStartedAgain) {
  const TinyExperiment tiny;
  Claims claims(tiny.folder / "sweep");
  const auto claim = claims.try_claim("submit", "submit");
  const ProgramResult result = run_program(on_tiny(tiny, "submit", "--engine local"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("is being swept already"));
}

/// Programs called sbatch, squeue and scancel that write down what they are asked, first in PATH as long as the object lives.
class FakeSlurm {
 public:
  explicit FakeSlurm(const std::string& sbatch) : path_(::getenv("PATH")) {
    script("sbatch", sbatch);
    script("squeue", "cat " + (folder / "queue").string() + "\n");
    script("scancel", "");
    write_text_atomically(folder / "queue", "");
    ::setenv("PATH", ((folder / "").string() + ":" + path_).c_str(), 1);
  }
  ~FakeSlurm() { ::setenv("PATH", path_.c_str(), 1); }
  FakeSlurm(const FakeSlurm&) = delete;
  FakeSlurm& operator=(const FakeSlurm&) = delete;

  std::string calls() const { return read_text(folder / "calls"); }

  TemporaryFolder folder;

 private:
  void script(const std::string& name, const std::string& rest) const {
    write_text_atomically(folder / name,
                          fmt::format("#!/bin/sh\necho {} \"$@\" >> {}\n{}", name, (folder / "calls").string(), rest));
    fs::permissions(folder / name, fs::perms::owner_all);
  }

  std::string path_;
};

constexpr const char* numbered_jobs = "wc -l < $(dirname $0)/calls\n";  // the first job is 1

TEST(SubmitCommand, SlurmGetsThreeJobsThatDependOnEachOther) {
  const TinyExperiment tiny;
  const FakeSlurm slurm(numbered_jobs);
  const ProgramResult result =
      run_program(on_tiny(tiny, "submit", "--engine slurm --tasks 3 --at-once 2 --threads 1 -- --partition=long"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("squeue --jobs=1,2,3"));
  const std::string scripts = (tiny.folder / "sweep" / "submit" / "").string();
  EXPECT_EQ(slurm.calls(), "sbatch --parsable --partition=long " + scripts + "shared.sh\n" +
                               "sbatch --parsable --partition=long --dependency=afterany:1 --array=1-3%2 " + scripts +
                               "task.sh\n" + "sbatch --parsable --partition=long --dependency=afterany:2 " + scripts +
                               "merge.sh\n");
  EXPECT_THAT(read_record(tiny.folder / "sweep")->jobs, testing::ElementsAre("1", "2", "3"));
  // The scripts, run by hand as Slurm would, make the report.
  for (const char* command :
       {"sh {0}shared.sh", "SLURM_ARRAY_TASK_ID=1 sh {0}task.sh", "SLURM_ARRAY_TASK_ID=2 sh {0}task.sh",
        "SLURM_ARRAY_TASK_ID=3 sh {0}task.sh", "sh {0}merge.sh"}) {
    const FinishedProcess done = run_process({"sh", "-c", fmt::format(fmt::runtime(command), scripts)});
    EXPECT_EQ(done.exit_code, 0) << command << done.errors;
  }
  EXPECT_EQ(comparable(tiny.folder / "sweep" / "report.json"), report_of_run(tiny));
}

TEST(SubmitCommand, AQueuedSweepIsNotSubmittedAgain) {
  const TinyExperiment tiny;
  const FakeSlurm slurm(numbered_jobs);
  const std::string submit = on_tiny(tiny, "submit", "--engine slurm");
  ASSERT_EQ(run_program(submit).exit_code, 0);
  write_text_atomically(slurm.folder / "queue", "2_1 PENDING Resources\n");
  const ProgramResult again = run_program(submit);
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.errors, HasSubstr("is submitted already"));
  EXPECT_THAT(run_program("status " + (tiny.folder / "sweep").string()).output, HasSubstr("2_1 PENDING Resources"));
  write_text_atomically(slurm.folder / "queue", "");
  EXPECT_EQ(run_program(submit).exit_code, 0);
}

TEST(SubmitCommand, WhenAJobIsRefusedTheOthersAreCancelled) {
  const TinyExperiment tiny;
  const FakeSlurm slurm("case \"$*\" in *array*) echo no such partition >&2; exit 1;; esac; echo 7\n");
  const ProgramResult result = run_program(on_tiny(tiny, "submit", "--engine slurm --tasks 2"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("no such partition"));
  EXPECT_THAT(slurm.calls(), HasSubstr("scancel 7\n"));
}

TEST(SubmitCommand, AConfigThatChangedSinceIsRefused) {
  const TinyExperiment tiny;
  const ProgramResult result = run_program(on_tiny(tiny, "run", "--plan 0123456789abcdef"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("submit it again"));
  EXPECT_EQ(run_program(on_tiny(tiny, "run", "--plan " + hash_of_plan(tiny.plan))).exit_code, 0);
}

/// Enough cells that a run is not over before it is told to end.
std::string many_cells() {
  std::string methods = "[f32";
  for (const int bits : {3, 4, 5, 6, 8})
    for (const char* group : {"g32", "row"})
      for (const char* kind : {"absmax", "zero_point"}) methods += fmt::format(", '{}:int{}:{}'", kind, bits, group);
  return methods + "]";
}

bool has_claims(const fs::path& store) {
  if (!fs::exists(store / "claims")) return false;
  for (const ClaimState& claim : read_claims(store, {}))
    if (claim.name != "submit") return true;
  return false;
}

/// Starts the program, sends the signal as soon as it works on something, and gives its exit code.
int end_while_it_works(const TinyExperiment& tiny, const std::vector<std::string>& arguments, int signal) {
  CommandLine command{program().string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const pid_t pid = start_process(command, tiny.folder / "log");
  for (int i = 0; i < 20000 && !has_claims(tiny.folder / "sweep"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(pid, signal);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return exit_code_of(status);
}

std::size_t unfinished_files(const fs::path& store) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(store))
    count += entry.path().filename().string().find(".partial-") != std::string::npos;
  return count;
}

TEST(RunCommand, EndsCleanlyWhenToldTo) {
  const TinyExperiment tiny(many_cells());
  const fs::path store = tiny.folder / "sweep";
  // With --plan nothing is predicted, which would take longer than the run.
  const std::string hash = hash_of_plan(tiny.plan);
  const std::vector<std::string> run{
      "run", (tiny.folder / "tiny.yaml").string(), "--out", store.string(), "--threads", "1", "--plan", hash};
  EXPECT_EQ(end_while_it_works(tiny, run, SIGTERM), 143) << read_text(tiny.folder / "log");
  EXPECT_TRUE(fs::is_empty(store / "claims"));
  EXPECT_TRUE(fs::is_empty(store / "processes"));
  EXPECT_EQ(unfinished_files(store), 0u);
  EXPECT_EQ(run_program("status " + store.string()).exit_code, 3) << "it was over before it was told to end";
  EXPECT_EQ(end_while_it_works(tiny, run, SIGINT), 130);
  EXPECT_EQ(run_program(on_tiny(tiny, "run", "--threads 1 --plan " + hash)).exit_code, 0) << "goes on";
  EXPECT_EQ(run_program("status " + store.string()).exit_code, 0);
}

TEST(SubmitCommand, ToldToEndItEndsItsProcesses) {
  const TinyExperiment tiny(many_cells());
  const fs::path store = tiny.folder / "sweep";
  const std::vector<std::string> submit{
      "submit", (tiny.folder / "tiny.yaml").string(), "--out", store.string(), "--engine", "local"};
  EXPECT_EQ(end_while_it_works(tiny, submit, SIGINT), 130) << read_text(tiny.folder / "log");
  for (const ClaimState& claim : read_claims(store, {})) EXPECT_EQ(claim.name, "submit") << to_string(claim.holder);
  EXPECT_EQ(unfinished_files(store), 0u);
}

TEST(StatusCommand, ShowsWhoWorksWhatFailedAndWhatIsDead) {
  const TinyExperiment tiny;
  const fs::path store = tiny.folder / "sweep";
  ASSERT_EQ(run_program(on_tiny(tiny, "run", "--shared-only")).exit_code, 0);
  {
    const ResultStore results(store);
    Report failed = report_header(tiny.config, tiny.experiment, 1);
    CellReport& cell = failed.cells.emplace_back();
    cell.id = tiny.plan.cells[4].id;
    cell.method = "rtn:q4_0";
    cell.status = "failed";
    cell.error = "it broke";
    results.save(failed.cells[0].id, failed, {});
  }
  Claims claims(store, "slurm 12_3");
  const auto claim = claims.try_claim(tiny.plan.cells[1].id, "f16");
  write_text_atomically(store / "claims" / (tiny.plan.cells[2].id + ".1"),
                        R"({"process": "0123456789ab-1-1", "token": "t", "what": "absmax:int8:g32"})");
  fs::last_write_time(store / "claims" / (tiny.plan.cells[2].id + ".1"),
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  const ProgramResult text = run_program("status " + store.string());
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.output, HasSubstr("tiny: 5 cells: 1 done, 1 failed, 1 running, 2 waiting"));
  EXPECT_THAT(text.output, HasSubstr("job slurm 12_3"));
  EXPECT_THAT(text.output, HasSubstr("rtn:q4_0: it broke"));
  EXPECT_THAT(text.output, HasSubstr("no sign of life for 1 h 00 min"));
  const auto json = nlohmann::json::parse(run_program("status --json " + store.string()).output);
  EXPECT_EQ(json["done"], 1);
  EXPECT_EQ(json["cells"][1]["holder"]["job"], "slurm 12_3");
  EXPECT_EQ(json["dead_claims"][0]["what"], "absmax:int8:g32");
  EXPECT_GT(json["seconds_left"], 0);
  EXPECT_EQ(run_program("status " + (tiny.folder / "nowhere").string()).exit_code, 2);
}

}  // namespace
}  // namespace quantbench
