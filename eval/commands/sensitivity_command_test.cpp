// `sensitivity` and `allocate` as a person calls them; suites named *Slow* run on the embedded model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/commands/run_program_for_tests.h"
#include "eval/report.h"
#include "eval/sensitivity/sensitivity.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TemporaryFolder;

ProgramResult run_well(const std::string& arguments) {
  ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.exit_code, 0) << arguments << "\n" << result.errors;
  return result;
}

class SensitivityCommand : public testing::Test {
 protected:
  SensitivityCommand() {
    testing_support::write_tiny_model(folder_ / "model.gguf");
    testing_support::write_tiny_text(folder_ / "text.txt", 1);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string measure(const std::string& more) const {
    return "sensitivity " + path("model.gguf") + " --text " + path("text.txt") + " --out " + path("s.json") + " " +
           more;
  }

  TemporaryFolder folder_;
};

TEST_F(SensitivityCommand, FromSensitivitiesToAFileOfThePromisedSize) {
  EXPECT_THAT(run_well(measure("--formats q4_0,q5_0,q8_0")).output, HasSubstr("full error, scaled by the probe"));
  EXPECT_EQ(read_sensitivity(path("s.json")).probe, "q5_0");
  const std::string allocated =
      run_well("allocate " + path("s.json") + " --budget 6 --rules-out " + path("rules.yaml")).output;
  EXPECT_THAT(allocated, HasSubstr("the optimum"));
  const std::string bits = allocated.substr(allocated.find("rules.yaml: ") + 12, 6);
  EXPECT_LE(std::stod(bits), 6);
  EXPECT_GT(std::stod(bits), 5.5);
  const std::string quantized = run_well("quantize " + path("model.gguf") + " " + path("out.gguf") +
                                         " --method q4_0 --rules " + path("rules.yaml"))
                                    .output;
  EXPECT_THAT(quantized, HasSubstr(bits + " bits per weight"));
}

TEST_F(SensitivityCommand, TheSameCallAgainMeasuresNothingAndAnotherTextIsRefused) {
  run_well(measure("--formats q4_0"));
  const std::string first = read_text(path("s.json"));
  run_well(measure("--formats q4_0"));
  EXPECT_EQ(read_text(path("s.json")), first);
  const ProgramResult other = run_program(measure("--formats q4_0 --chunks 1"));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.errors, HasSubstr("another model, text, number of chunks"));
  run_well(measure("--formats q4_0 --chunks 1 --fresh"));
}

TEST_F(SensitivityCommand, ImpossibleCallsSayWhy) {
  EXPECT_THAT(run_program(measure("--formats q4_0 --probe q8_0")).errors, HasSubstr("the probe q8_0 is none of"));
  run_well(measure("--formats q4_0,q8_0 --probe-only"));
  const std::string allocate = "allocate " + path("s.json") + " --rules-out " + path("rules.yaml");
  EXPECT_THAT(run_program(allocate).errors, HasSubstr("either --budget or --size"));
  EXPECT_THAT(run_program(allocate + " --budget 3 --estimated").errors, HasSubstr("is too small"));
  EXPECT_THAT(run_program(allocate + " --budget 5 --formats q4_0").errors, HasSubstr("no format that may be chosen"));
  run_well(allocate + " --budget 5 --estimated");
}

}  // namespace
}  // namespace quantbench
