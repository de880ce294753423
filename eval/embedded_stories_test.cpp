// What the main job must show on the language model that ships with the repository: run as a person would, minutes long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "eval/commands/run_program_for_tests.h"
#include "eval/metrics/perplexity.h"
#include "eval/report.h"
#include "eval/runner/store.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing_support::TemporaryFolder;
using Clock = std::chrono::steady_clock;

const std::filesystem::path configs = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "configs";

std::string comparable_report(const std::filesystem::path& folder) {
  return to_json(without_timings(read_report(folder / "report.json")));
}

const CellReport& cell_of(const Report& report, const std::string& method) {
  for (const CellReport& cell : report.cells)
    if (cell.method == method) return cell;
  throw std::out_of_range(method);
}

class EmbeddedStoriesSlow : public testing::Test {
 protected:
  /// Runs the config and returns its report.
  Report run(const std::string& config, const std::string& more, const std::string& out = "out") {
    const ProgramResult result = run_program("run " + (configs / config).string() + " " + more + " --out " + path(out));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return read_report(folder_ / out / "report.json");
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TemporaryFolder folder_;
};

TEST_F(EmbeddedStoriesSlow, SmallerGroupsNeverCostMoreErrorAtEqualBits) {
  const Report report = run("sweeps/group_size.yaml", "--set dataset.chunks=20");
  for (const std::string solver : {"absmax", "zero_point"})
    for (const std::string bits : {"4", "3", "2"}) {
      const CellReport* smaller = nullptr;
      for (const std::string group : {"g16", "g32", "g64", "g128", "g256", "row"}) {
        const CellReport& cell = cell_of(report, solver + ":int" + bits + ":" + group);
        if (smaller != nullptr) {
          EXPECT_LE(smaller->rmse->relative, cell.rmse->relative) << smaller->method << " against " << cell.method;
          EXPECT_LE(smaller->kld->mean, cell.kld->mean) << smaller->method << " against " << cell.method;
          for (std::size_t i = 0; i < cell.tensors.size(); ++i)
            EXPECT_LE(smaller->tensors[i].relative_rmse, cell.tensors[i].relative_rmse) << cell.tensors[i].name;
        }
        smaller = &cell;
      }
    }
}

TEST_F(EmbeddedStoriesSlow, PerplexityAndDivergenceRiseAsBitsFallAndF16IsInTheNoise) {
  const Report report =
      run("presets/stories.yaml",
          "--set name=bits --set dataset.chunks=30 --set metrics=[rmse,perplexity,kld] "
          "--set 'methods=[f32, f16, {method: [absmax, zero_point], bits: [8, 6, 5, 4, 3, 2], group: 32}]'");
  const CellReport& f16 = cell_of(report, "f16");
  EXPECT_LE(f16.kld->mean, f16.kld->noise_floor);
  EXPECT_LE(f16.perplexity->difference_lower, 0);
  EXPECT_GE(f16.perplexity->difference_upper, 0);
  for (const std::string solver : {"absmax", "zero_point"}) {
    const CellReport* more_bits = nullptr;
    for (const std::string bits : {"8", "6", "5", "4", "3", "2"}) {
      const CellReport& cell = cell_of(report, solver + ":int" + bits + ":g32");
      EXPECT_GT(cell.kld->mean, cell.kld->noise_floor) << cell.method;
      if (more_bits != nullptr) {
        EXPECT_GT(cell.kld->mean, more_bits->kld->mean) << cell.method;
        EXPECT_GT(cell.rmse->relative, more_bits->rmse->relative) << cell.method;
        // The differences of 8, 6 and 5 bits lie within the paired noise of each other; they may not lie below it.
        EXPECT_GT(*cell.perplexity->difference_upper, *more_bits->perplexity->difference) << cell.method;
      }
      more_bits = &cell;
    }
    // Where the noise is far behind, the order is strict.
    const auto ppl = [&](const std::string& bits) {
      return cell_of(report, solver + ":int" + bits + ":g32").perplexity->value;
    };
    EXPECT_LT(ppl("8"), ppl("4"));
    EXPECT_LT(ppl("4"), ppl("3"));
    EXPECT_LT(ppl("3"), ppl("2"));
  }
}

// By intervals of the difference, paired over tokens.
TEST_F(EmbeddedStoriesSlow, ErrorFeedbackLiesBetweenF16AndRoundingToNearest) {
  for (const std::string sequential : {"true", "false"}) {
    const std::string out = "sequential_" + sequential;
    const Report report = run("calibrated.yaml",
                              "--set 'methods=[f32, f16, zero_point:int3:g128, gptq:int3:g128]' --set "
                              "dataset.chunks=30 --set calibration.chunks=48 --set calibration.sequential=" +
                                  sequential,
                              out);
    const ResultStore store(folder_ / out);
    const std::vector<float> f16 = store.read_nll(cell_of(report, "f16"));
    const std::vector<float> nearest = store.read_nll(cell_of(report, "zero_point:int3:g128"));
    const std::vector<float> feedback = store.read_nll(cell_of(report, "gptq:int3:g128"));
    EXPECT_GT(paired_difference(f16, feedback).lower, 0) << out;
    EXPECT_GT(paired_difference(feedback, nearest).lower, 0) << out;
    EXPECT_LT(cell_of(report, "gptq:int3:g128").kld->mean, 0.6 * cell_of(report, "zero_point:int3:g128").kld->mean);
  }
}

TEST_F(EmbeddedStoriesSlow, TheNumberOfThreadsDoesNotChangeTheReport) {
  run("ci/quality_gate.yaml", "--set dataset.chunks=4 --threads 1", "one");
  run("ci/quality_gate.yaml", "--set dataset.chunks=4 --threads 2", "two");
  EXPECT_EQ(comparable_report(folder_ / "one"), comparable_report(folder_ / "two"));
}

/// Starts the program and kills it with SIGKILL after the given time; true when it was still running.
bool start_and_kill(const std::vector<std::string>& arguments, std::chrono::milliseconds after) {
  const std::string program = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "quantbench").string();
  std::vector<const char*> pointers{program.c_str()};
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(program.c_str(), const_cast<char**>(pointers.data()));
    ::_exit(127);
  }
  std::this_thread::sleep_for(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

std::size_t finished_cells(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "cells")) return 0;
  return static_cast<std::size_t>(std::ranges::distance(std::filesystem::directory_iterator(folder / "cells")));
}

TEST_F(EmbeddedStoriesSlow, KilledTenTimesTheReportIsThatOfAnUninterruptedRun) {
  const std::string config = "sweeps/group_size.yaml", fewer = "--set dataset.chunks=4 --set calibration.chunks=2";
  const auto begin = Clock::now();
  run(config, fewer, "whole");
  const double duration = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  std::mt19937 random(1);
  std::uniform_int_distribution<int> moment(5, static_cast<int>(duration / 6));
  int kills = 0, kills_after_finished_cells = 0;
  for (std::size_t start = 0, before = 0; start < 10; ++start) {
    kills += start_and_kill({"run", (configs / config).string(), "--set", "dataset.chunks=4", "--set",
                             "calibration.chunks=2", "--out", path("killed")},
                            std::chrono::milliseconds(moment(random)));
    const std::size_t now = finished_cells(folder_ / "killed");
    EXPECT_GE(now, before) << "a finished cell was lost";
    kills_after_finished_cells += now > 0;
    before = now;
  }
  EXPECT_EQ(kills, 10);
  EXPECT_GT(kills_after_finished_cells, 0) << "no kill fell after a finished cell: nothing was resumed";
  std::cout << kills << " kills, " << kills_after_finished_cells << " of them after finished cells\n";
  run(config, fewer, "killed");
  EXPECT_EQ(comparable_report(folder_ / "killed"), comparable_report(folder_ / "whole"));
}

}  // namespace
}  // namespace quantbench
