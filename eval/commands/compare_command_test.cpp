#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/testing/temporary_folder.h"
#include "eval/commands/run_program_for_tests.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

TEST(CompareCommand, TheExitCodeIsTheVerdict) {
  const testing_support::TemporaryFolder folder;
  const auto file = [&](const std::string& name) { return (folder / name).string(); };
  Report report = sample_report();
  write_text_atomically(file("base.json"), to_json(report));
  report.cells[0].rmse->relative *= 1.2;
  write_text_atomically(file("worse.json"), to_json(report));
  report.protocol = "gptq-2048";
  write_text_atomically(file("other.json"), to_json(report));
  write_text_atomically(file("cut.json"), to_json(report).substr(0, 500));
  write_text_atomically(file("gates.yaml"), "gates:\n  relative_rmse: {max_increase_percent: 30}\n");
  write_text_atomically(file("typo.yaml"), "gates:\n  relative_rsme: {max: 1}\n");

  const auto compare = [&](const std::string& now, const std::string& more = "") {
    return run_program(fmt::format("compare {} {} {}", file("base.json"), file(now), more));
  };
  EXPECT_EQ(compare("base.json").exit_code, 0);
  EXPECT_THAT(compare("base.json").output, HasSubstr("\nPASS: 16 passed, 0 regressed, 0 not checked"));
  const ProgramResult worse = compare("worse.json", "--json " + file("verdict.json"));
  EXPECT_EQ(worse.exit_code, 1);
  EXPECT_THAT(worse.output, HasSubstr("\nREGRESSION: 15 passed, 1 regressed"));
  EXPECT_EQ(nlohmann::json::parse(read_text(file("verdict.json")))["verdict"], "regression");
  EXPECT_EQ(compare("worse.json", "--gates " + file("gates.yaml")).exit_code, 0);
  EXPECT_EQ(compare("other.json").exit_code, 2);
  EXPECT_THAT(compare("other.json").errors, HasSubstr("'llamacpp-512', " + file("other.json") + " has 'gptq-2048'"));
  EXPECT_EQ(compare("cut.json").exit_code, 2);
  EXPECT_THAT(compare("base.json", "--gates " + file("typo.yaml")).errors, HasSubstr("typo.yaml:2:3: "));
}

TEST(CompareCommand, RoundsOfKernelsNeedNoOtherReports) {
  const testing_support::TemporaryFolder folder;
  const auto file = [&](const std::string& name) { return (folder / name).string(); };
  Report report = sample_report();
  report.cells.clear();
  ThroughputReport kernel;
  kernel.id = "matvec/q4_0/avx2";
  kernel.shape = "64x64x1";
  kernel.seconds_median = 1e-4;
  report.kernels = {kernel};
  write_text_atomically(file("base.json"), to_json(report));
  report.kernels[0].seconds_median = 2e-4;
  write_text_atomically(file("slow.json"), to_json(report));
  write_text_atomically(file("hard.yaml"), "throughput: {max_slowdown_percent: 5, hard: true}\n");
  const auto six_times = [&](const std::string& name) {
    std::string list = file(name);
    for (int i = 1; i < 6; ++i) list += (i % 2 == 0 ? "," : " ") + file(name);
    return list;
  };
  const std::string rounds = fmt::format("compare --base-rounds {} --new-rounds ", six_times("base.json"));
  const ProgramResult warned = run_program(rounds + six_times("slow.json"));
  EXPECT_EQ(warned.exit_code, 0) << warned.errors;
  EXPECT_THAT(warned.output, HasSubstr("\nPASS: 0 passed, 0 regressed, 0 not checked, 1 warning, against"));
  EXPECT_EQ(run_program(rounds + six_times("slow.json") + " --gates " + file("hard.yaml")).exit_code, 1);
  EXPECT_EQ(run_program(rounds + six_times("base.json") + " --gates " + file("hard.yaml")).exit_code, 0);
  EXPECT_THAT(run_program("compare").errors, HasSubstr("BASE is required"));
  EXPECT_EQ(run_program("compare " + file("base.json")).exit_code, 2);
}

}  // namespace
}  // namespace quantbench
