#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/commands/run_program_for_tests.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TinyExperiment;

std::string report_of(const TinyExperiment& tiny, const std::string& out, const std::string& settings) {
  const std::string folder = (tiny.folder / out).string();
  const ProgramResult result = run_program("run " + (tiny.folder / "tiny.yaml").string() + " --json --out " + folder +
                                           " --threads 1 " + settings);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return nlohmann::json::parse(result.output).at("report");
}

TEST(DiffCommand, ExitCodesAreThoseOfDiff) {
  const TinyExperiment tiny("[f32, 'rtn:q4_0']");
  const std::string first = report_of(tiny, "first", ""), again = report_of(tiny, "again", "");
  const std::string shorter = report_of(tiny, "shorter", "--set dataset.chunks=3");

  const ProgramResult same = run_program("diff " + first + " " + again);
  EXPECT_EQ(same.exit_code, 0) << same.output;
  EXPECT_THAT(same.output, HasSubstr("No difference but for timings."));

  const ProgramResult other = run_program("diff " + first + " " + shorter);
  EXPECT_EQ(other.exit_code, 1) << other.errors;
  EXPECT_THAT(other.output, HasSubstr("dataset.chunks"));
  EXPECT_THAT(other.output, HasSubstr("scored tokens"));
  EXPECT_EQ(run_program("diff --only environment " + first + " " + shorter).exit_code, 0);

  const auto json = nlohmann::json::parse(run_program("diff --json " + first + " " + shorter).output);
  EXPECT_EQ(json.at("differences").at(0).at("what"), "dataset.chunks");
  EXPECT_EQ(json.at("differences").at(0).at("second"), "3");
  EXPECT_EQ(json.at("counts").at("environment"), 0);
}

TEST(DiffCommand, BadInputIsExitCode2) {
  EXPECT_EQ(run_program("diff /nowhere/a.json /nowhere/b.json").exit_code, 2);
  EXPECT_EQ(run_program("diff a.json").exit_code, 2);
  EXPECT_EQ(run_program("diff a.json b.json --only everything").exit_code, 2);
}

TEST(ExplainCommand, OfACellPutsNumbersIntoFormulas) {
  const TinyExperiment tiny("[f32, 'rtn:q4_0']");
  const std::string report = report_of(tiny, "out", "");
  const ProgramResult text = run_program("explain " + report + " --method rtn:q4_0");
  EXPECT_EQ(text.exit_code, 0) << text.errors;
  EXPECT_THAT(text.output, HasSubstr("exp(sum of NLL / tokens)"));
  EXPECT_THAT(text.output, HasSubstr(" / 75)"));
  EXPECT_THAT(text.output, testing::Not(HasSubstr("DOES NOT FIT")));
  const auto json = nlohmann::json::parse(run_program("explain --json " + report + " --method rtn:q4_0").output);
  EXPECT_EQ(json.at("figures").size(), 9u);
  for (const auto& figure : json.at("figures")) EXPECT_EQ(figure.at("agrees"), true) << figure;
  EXPECT_EQ(run_program("explain " + report + " --method q5_k").exit_code, 2);
}

}  // namespace
}  // namespace quantbench
