#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/registry.h"
#include "core/testing/temporary_folder.h"
#include "eval/command.h"
#include "eval/commands/run_program_for_tests.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

void expect_error(const std::string& arguments, const std::string& message) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.exit_code, 2) << arguments;
  EXPECT_THAT(result.errors, StartsWith("quantbench: error: ")) << arguments;
  EXPECT_THAT(result.errors, HasSubstr(message)) << arguments;
  EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
  EXPECT_EQ(result.output, "") << arguments;
}

TEST(Usage, MistakesAreOneLineWithTheNearestName) {
  expect_error("", "a command is required");
  expect_error("reprot", "unknown command 'reprot'; did you mean report?");
  expect_error("report x.json --uot d", "report: unknown option '--uot'; did you mean --out?");
  expect_error("report --out d", "report: REPORT is required");
  expect_error("doctor surplus", "doctor: unexpected argument 'surplus'");
  expect_error("report nowhere.json --out d", "nowhere.json");
  expect_error("report x.json --out d --format pdf", "unknown report format 'pdf'; did you mean");
  expect_error("--frobnicate", "unknown option '--frobnicate'");
}

TEST(Usage, EnginesAreKnownByName) {
  expect_error("submit config.yaml --engine slrum", "unknown engine 'slrum'; did you mean slurm?");
}

TEST(Usage, EveryCommandHasHelpWithAnExample) {
  for (const std::string& name : Registry<Command>::instance().names()) {
    const ProgramResult result = run_program(name + " --help");
    EXPECT_EQ(result.exit_code, 0) << name;
    EXPECT_THAT(result.output, HasSubstr("quantbench " + name)) << name;
    EXPECT_EQ(result.errors, "") << name;
  }
  EXPECT_THAT(run_program("--help").output, HasSubstr("Exit codes"));
}

TEST(Usage, EveryCommandCanBeLimitedToAnInstructionSet) {
  for (const std::string& name : Registry<Command>::instance().names())
    EXPECT_THAT(run_program(name + " --help").output, HasSubstr("--isa")) << name;
  std::string names;
  for (const Isa isa : available_isas()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", to_string(isa));
    const ProgramResult limited = run_program(fmt::format("doctor --quick --isa {}", to_string(isa)));
    EXPECT_EQ(limited.exit_code, 0) << limited.errors;
    EXPECT_THAT(limited.output, StartsWith("instruction sets  " + names + "\n"));
  }
  expect_error("doctor --isa ''", "unknown instruction set ''");
  expect_error("doctor --isa sse", "unknown instruction set 'sse': expected one of scalar, avx2, avx512, neon");
}

TEST(Usage, VersionIsPrintedWithTheCommit) {
  EXPECT_THAT(run_program("--version").output,
              testing::ContainsRegex("^quantbench 0\\.[0-9.]+ \\(commit ([0-9a-f]+(-dirty)?|unknown)\\)\n$"));
}

TEST(Usage, AReaderThatStopsEarlyIsNoFailure) {
  // `true` reads nothing; the exit code of the program itself comes back over standard error.
  EXPECT_EQ(run_program("--help; echo exit=$? >&2; } | { true").errors, "exit=0\n");
  const ProgramResult full = run_program("--help >/dev/full");
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_THAT(full.errors, HasSubstr("cannot write the output: No space left on device"));
}

TEST(ReportCommand, WritesEveryFormat) {
  const testing_support::TemporaryFolder folder;
  write_text_atomically(folder / "in.json", to_json(sample_report()));
  const ProgramResult result = run_program(
      fmt::format("report {0}/in.json --out {0}/pages --format html,md,csv,tex,svg", folder.path().string()));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(read_text(folder / "pages/report.html"), EndsWith("</html>\n"));
  EXPECT_THAT(read_text(folder / "pages/report.md"), HasSubstr("| absmax:int4:g32 | 4.500 |"));
  EXPECT_THAT(read_text(folder / "pages/report.tex"), HasSubstr("\\toprule"));
  EXPECT_THAT(read_text(folder / "pages/report.csv"), HasSubstr("absmax:int4:g32,ok,,4.5,"));
  for (const char* chart : {"perplexity", "mean_kld", "relative_rmse"})
    EXPECT_THAT(read_text(folder / fmt::format("pages/{}.svg", chart)), EndsWith("</svg>\n"));
}

TEST(ReportCommand, DrawsSeveralReportsTogether) {
  const testing_support::TemporaryFolder folder;
  Report report = sample_report();
  report.cells[0].tensors.push_back({"blk.0.attn_q.weight", "int4:g32", 8, 32, 4.5, 0.1, 0.01, 0.2, 0.99, {}, ""});
  write_text_atomically(folder / "a.json", to_json(report));
  report.run_name = "other_run";
  write_text_atomically(folder / "b.json", to_json(report));
  const ProgramResult result = run_program(
      fmt::format("report {0}/a.json {0}/b.json --out {0}/pages --format html,md,svg", folder.path().string()));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(read_text(folder / "pages/report.md"), HasSubstr("| other_run | absmax:int4:g32 | 4.500 |"));
  EXPECT_THAT(read_text(folder / "pages/perplexity.svg"), HasSubstr("other_run, absmax:int4:g32"));
  EXPECT_TRUE(std::filesystem::exists(folder / "pages/tensor_error/001_absmax_int4_g32_2.svg"));
  EXPECT_FALSE(std::filesystem::exists(folder / "pages/perplexity_1.svg"));
}

}  // namespace
}  // namespace quantbench
