// Regressions put into real runs, each found by the gate that is meant for it: `quantbench compare` as CI runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/half.h"
#include "eval/commands/run_program_for_tests.h"
#include "eval/testing/compared_runs.h"
#include "quantizers/solver.h"

namespace quantbench {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing_support::run_into;
using testing_support::TinyExperiment;

/// q4_0 by rounding to nearest, with every scale of matrices of `wrong_cols` columns stored 2 % too large: an error as a wrong
/// constant in an encoder makes it. It exists in this test alone.
constexpr std::size_t wrong_cols = 96;

class ScaleOffByTwoPercent : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    if (format.id != "q4_0" || !options.empty()) fail("the solver of this test writes q4_0 without options");
  }
  CalibrationNeeds needs(const std::map<std::string, std::string>&) const override { return {}; }
  void quantize(const SolverInput& input, TensorData& out) const override {
    Registry<SolverEntry>::instance().at("rtn").solver->quantize(input, out);
    if (input.weights.cols != wrong_cols) return;
    constexpr std::size_t block_bytes = 18, block_weights = 32;
    for (std::size_t row = 0; row < input.weights.rows; ++row)
      for (std::size_t block = 0; block < wrong_cols / block_weights; ++block) {
        std::byte* stored = out.row(row).row + block * block_bytes;
        std::uint16_t scale = 0;
        std::memcpy(&scale, stored, sizeof scale);
        scale = f32_to_f16(f16_to_f32(scale) * 1.02F);
        std::memcpy(stored, &scale, sizeof scale);
      }
  }
};

const Register<SolverEntry> registered{"scale_off_for_tests",
                                       {std::make_shared<ScaleOffByTwoPercent>(), "wrong scales, for a test"}};

const std::vector<std::string> twelve_windows = {"dataset.chunks=12"};

/// The run as files that the program reads, with `method` under the name that the baseline has.
void write_report(ReportFile file, const std::string& method, const std::string& name) {
  for (CellReport& cell : file.report.cells)
    if (cell.method == method) cell.method = name;
  write_text_atomically(file.path, to_json(file.report));
}

struct JudgedByProgram {
  int exit_code = -1;
  nlohmann::json json;
  std::set<std::string> failing;  // gates
};

JudgedByProgram compare(const std::filesystem::path& base, const std::filesystem::path& now) {
  const std::string json = (now.parent_path() / "verdict.json").string();
  const ProgramResult result = run_program(fmt::format("compare {} {} --gates {}/configs/ci/gates.yaml --json {}",
                                                       base.string(), now.string(), QUANTBENCH_SOURCE_DIR, json));
  JudgedByProgram judged{result.exit_code, nlohmann::json::parse(read_text(json)), {}};
  for (const auto& check : judged.json["checks"])
    if (check["fails"]) judged.failing.insert(check["gate"]);
  return judged;
}

nlohmann::json check_of(const JudgedByProgram& judged, const std::string& gate) {
  for (const auto& check : judged.json["checks"])
    if (check["gate"] == gate && check["method"] != "f32") return check;
  return {};
}

JudgedByProgram compare_runs(const TinyExperiment& base, const TinyExperiment& now, const std::string& name) {
  const ReportFile base_run = run_into(base, "base"), now_run = run_into(now, "now");
  write_report(base_run, base.plan.cells[1].method_id, name);
  write_report(now_run, now.plan.cells[1].method_id, name);
  return compare(base_run.path, now_run.path);
}

TEST(PlantedRegression, NothingPlantedNothingFound) {
  const TinyExperiment base("[f32, rtn:q4_0]", twelve_windows), now("[f32, rtn:q4_0]", twelve_windows);
  const JudgedByProgram judged = compare_runs(base, now, "rtn:q4_0");
  EXPECT_EQ(judged.exit_code, 0);
  EXPECT_EQ(judged.json["verdict"], "pass");
  EXPECT_THAT(judged.failing, testing::IsEmpty());
}

TEST(PlantedRegression, AScaleTwoPercentOffInOneTensorIsAnErrorOfThatTensor) {
  const TinyExperiment base("[f32, rtn:q4_0]", twelve_windows), now("[f32, scale_off_for_tests:q4_0]", twelve_windows);
  const JudgedByProgram judged = compare_runs(base, now, "rtn:q4_0");
  EXPECT_EQ(judged.exit_code, 1);
  EXPECT_THAT(judged.failing, Contains("tensor_relative_rmse"));
  EXPECT_THAT(judged.failing, Not(Contains("tensor_formats")));
  EXPECT_THAT(judged.failing, Not(Contains("substitutions")));
  EXPECT_THAT(judged.failing, Not(Contains("bits_per_weight")));
  EXPECT_THAT(check_of(judged, "tensor_relative_rmse")["tensors"], ElementsAre("blk.0.ffn_down.weight"));
}

TEST(PlantedRegression, OneTensorOneBitLowerIsAnotherFormat) {
  const std::string methods = "[f32, 'rtn:q4_0:rules=down']";
  const auto with_down_as = [](const std::string& format) {
    return std::vector<std::string>{"dataset.chunks=12", "rules={down: [{tensor: ffn_down, format: " + format + "}]}"};
  };
  const TinyExperiment base(methods, with_down_as("q5_0")), now(methods, with_down_as("q4_0"));
  const JudgedByProgram judged = compare_runs(base, now, base.plan.cells[1].method_id);
  EXPECT_EQ(judged.exit_code, 1);
  EXPECT_THAT(judged.failing, Contains("tensor_formats"));
  EXPECT_THAT(judged.failing, Not(Contains("substitutions")));
  EXPECT_THAT(judged.failing, Not(Contains("bits_per_weight"))) << "fewer bits are fine there";
  EXPECT_THAT(check_of(judged, "tensor_formats")["tensors"], ElementsAre("blk.0.ffn_down.weight"));
  EXPECT_THAT(check_of(judged, "tensor_formats")["note"].get<std::string>(), HasSubstr("q4_0, q5_0 in the baseline"));
}

/// The tensor is stored in the same format with the same bytes: all that is wrong is that another one was asked for.
TEST(PlantedRegression, ASubstitutedFormatIsFoundByItsGateAlone) {
  const std::string methods = "[f32, 'rtn:q4_0:rules=up']";
  const auto with_up_as = [](const std::string& format) {
    return std::vector<std::string>{"dataset.chunks=12", "fallback=warn",
                                    "rules={up: [{tensor: ffn_up, format: " + format + "}]}"};
  };
  const TinyExperiment base(methods, with_up_as("q4_0")),
      now(methods, with_up_as("tq1_0"));  // blocks of 256, rows of 64
  const JudgedByProgram judged = compare_runs(base, now, base.plan.cells[1].method_id);
  EXPECT_EQ(judged.exit_code, 1);
  EXPECT_THAT(judged.failing, ElementsAre("substitutions"));
  EXPECT_THAT(check_of(judged, "substitutions")["tensors"], ElementsAre("blk.0.ffn_up.weight"));
}

TEST(PlantedRegression, ALargerFormatIsFoundByItsBits) {
  const TinyExperiment base("[f32, rtn:q4_0]", twelve_windows), now("[f32, rtn:q4_1]", twelve_windows);
  const JudgedByProgram judged = compare_runs(base, now, "rtn:q4_0");
  EXPECT_THAT(judged.failing, Contains("bits_per_weight"));
}

TEST(CompareCommand, RunsOfTheProgramWithOtherThreadsAreEqual) {
  const TinyExperiment tiny("[f32, rtn:q4_0, q4_0]", twelve_windows);
  const auto file = [&](const std::string& name) { return (tiny.folder / name).string(); };
  const auto run = [&](const std::string& more) {
    return run_program(fmt::format("run {} --set dataset.chunks=12 {}", file("tiny.yaml"), more)).exit_code;
  };
  ASSERT_EQ(run("--threads 1 --out " + file("one")), 0);
  ASSERT_EQ(run("--threads 3 --out " + file("three")), 0);
  const std::string reports = file("one/report.json") + " " + file("three/report.json");
  const ProgramResult compared =
      run_program(fmt::format("compare {} --junit {} --markdown {}", reports, file("gates.xml"), file("summary.md")));
  EXPECT_EQ(compared.exit_code, 0) << compared.output << compared.errors;
  EXPECT_THAT(compared.output, HasSubstr("\nPASS: 21 passed, 0 regressed, 0 not checked"));
  EXPECT_THAT(read_text(file("gates.xml")), HasSubstr("tests=\"21\" failures=\"0\""));
  EXPECT_THAT(read_text(file("summary.md")), HasSubstr("**PASS: 21 passed"));
}

}  // namespace
}  // namespace quantbench
