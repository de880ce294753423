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

class SensitivityStoriesSlow : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void allocate(const std::string& name, const std::string& bits_per_weight) const {
    run_well("allocate " + path("s.json") + " --budget " + bits_per_weight + " --name " + name + " --rules-out " +
             path(name + ".yaml"));
  }
  /// Fewer bits, or as many, and less divergence.
  static void expect_better(const CellReport& better, const CellReport& worse) {
    EXPECT_LE(better.size_bytes, worse.size_bytes) << better.method << " against " << worse.method;
    EXPECT_LT(better.kld->mean, worse.kld->mean) << better.method << " against " << worse.method;
  }

  TemporaryFolder folder_;
};

const CellReport& cell_of(const Report& report, const std::string& method) {
  for (const CellReport& cell : report.cells)
    if (cell.method == method) return cell;
  throw std::out_of_range(method);
}

TEST_F(SensitivityStoriesSlow, TheAllocatorBeatsUniformFormatsAndMixesOfEqualOrLargerSize) {
  run_well(
      "sensitivity embedded:stories --text embedded:stories/calibration --chunks 40 --kld-chunks 4 --method q3_k "
      "--formats q2_k,iq3_xxs,q3_k,iq3_s,iq4_xs,q5_k,q6_k --out " +
      path("s.json"));
  allocate("as_q3_k", "3.4375");
  allocate("three_and_a_half", "3.5");
  allocate("four", "4");
  write_text_atomically(folder_ / "run.yaml",
                        "include: [" + std::string(QUANTBENCH_SOURCE_DIR) +
                            "/configs/presets/stories.yaml, as_q3_k.yaml, three_and_a_half.yaml, four.yaml]\n"
                            "calibration: {text: embedded:stories/calibration, protocol: llamacpp-512, chunks: 40}\n"
                            "rules: {all_q3_k: [{tensor: ., format: q3_k}], all_iq3_s: [{tensor: ., format: iq3_s}],\n"
                            "        all_int3: [{tensor: ., format: 'int3:g32:sym'}]}\n"
                            "methods: [f32, 'q3_k:rules=all_q3_k', 'iq3_s:rules=all_iq3_s', "
                            "'absmax:int3:g32:rules=all_int3', q3_k_s, q3_k_m,\n"
                            "          'q3_k:rules=as_q3_k', 'q3_k:rules=three_and_a_half', 'q3_k:rules=four']\n");
  run_well("run " + path("run.yaml") + " --out " + path("out"));
  const Report report = read_report(folder_ / "out" / "report.json");
  const CellReport& half = cell_of(report, "q3_k:rules=three_and_a_half");
  expect_better(cell_of(report, "q3_k:rules=as_q3_k"), cell_of(report, "q3_k:rules=all_q3_k"));
  expect_better(cell_of(report, "q3_k:rules=as_q3_k"), cell_of(report, "iq3_s:rules=all_iq3_s"));
  expect_better(half, cell_of(report, "absmax:int3:g32:rules=all_int3"));
  expect_better(half, cell_of(report, "q3_k_s"));
  expect_better(cell_of(report, "q3_k:rules=four"), cell_of(report, "q3_k_m"));
}

}  // namespace
}  // namespace quantbench
