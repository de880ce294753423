#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

#include "eval/commands/run_program_for_tests.h"
#include "eval/report.h"
#include "eval/testing/report_schema.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TinyExperiment;

std::string run_command(const TinyExperiment& tiny, const std::string& more) {
  return "run " + (tiny.folder / "tiny.yaml").string() + " " + more;
}

TEST(RunCommand, WritesTheReportAndPrintsTheTable) {
  const TinyExperiment tiny;
  const std::string out = (tiny.folder / "out").string();
  const ProgramResult result = run_program(run_command(tiny, "--threads 1 --out " + out));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("absmax:int4:g32"));
  EXPECT_THAT(result.output, HasSubstr("5 computed, 0 from the store, 0 failed"));
  const std::string json = read_text(tiny.folder / "out/report.json");
  EXPECT_EQ(schema_errors(json), "");
  const Report report = parse_report(json, "report.json");
  EXPECT_EQ(report.cells.size(), 5u);
  EXPECT_EQ(report.environment.threads, 1);
  EXPECT_THAT(read_text(tiny.folder / "out/report.csv"), HasSubstr("rtn:q4_0"));
  EXPECT_THAT(read_text(tiny.folder / "out/report.md"), HasSubstr("rtn:q4_0"));
  EXPECT_TRUE(std::filesystem::exists(tiny.folder / "out" / report.cells[0].nll_file));
}

TEST(RunCommand, ADryRunTouchesNothing) {
  const TinyExperiment tiny;
  const ProgramResult result = run_program(run_command(tiny, "--dry-run --out " + (tiny.folder / "out").string()));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("5 cells"));
  EXPECT_FALSE(std::filesystem::exists(tiny.folder / "out"));
}

TEST(RunCommand, ShardsMergeToOneReport) {
  const TinyExperiment tiny;
  const std::string a = (tiny.folder / "a").string(), b = (tiny.folder / "b").string();
  const std::string merged = (tiny.folder / "merged.json").string();
  EXPECT_EQ(run_program(run_command(tiny, "--shard 1/2 --out " + a)).exit_code, 0);
  const ProgramResult early = run_program("merge " + a + " --out " + merged);
  EXPECT_EQ(early.exit_code, 2);
  EXPECT_THAT(early.errors, HasSubstr("2 planned cells are not finished"));
  EXPECT_EQ(run_program(run_command(tiny, "--shard 2/2 --out " + b)).exit_code, 0);
  EXPECT_EQ(run_program("merge " + a + " " + b + " --out " + merged).exit_code, 0);
  EXPECT_EQ(schema_errors(read_text(merged)), "");
  EXPECT_EQ(read_report(merged).cells.size(), 5u);
}

TEST(RunCommand, BadInputIsExitCode2AndOneLine) {
  const TinyExperiment tiny;
  for (const char* arguments : {"--set methds=[f32]", "--shard 3/2", "--set model=gone.gguf", "--set name=a/b"}) {
    const ProgramResult result = run_program(run_command(tiny, arguments));
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
  }
  EXPECT_THAT(run_program(run_command(tiny, "--set methds=[f32]")).errors, HasSubstr("did you mean methods"));
}

}  // namespace
}  // namespace quantbench
