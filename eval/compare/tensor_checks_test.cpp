#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "eval/compare/compare.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TensorReport tensor(const std::string& name, const std::string& format, double error) {
  TensorReport report;
  report.name = name;
  report.format = format;
  report.relative_rmse = error;
  return report;
}

class TensorGates : public testing::Test {
 protected:
  TensorGates() {
    base_.report.cells = {sample_cell("q4_0", 4.5, 0.1, 4, 0.1)};
    base_.report.cells[0].tensors = {tensor("up", "q4_0", 0.10), tensor("down", "q4_0", 0.08),
                                     tensor("output", "q8_0", 0.01)};
    base_.path = "base.json";
    now_ = base_;
    now_.path = "now.json";
  }

  TensorReport& now(std::size_t index) { return now_.report.cells[0].tensors[index]; }

  GateCheck check(const std::string& gate) const {
    const Comparison comparison = compare_reports(base_, now_, parse_gates("gates: {" + gate + "}", "gates.yaml"));
    EXPECT_EQ(comparison.checks.size(), 1u);
    EXPECT_EQ(comparison.fails(), comparison.checks.at(0).verdict == Verdict::regression);
    return comparison.checks.at(0);
  }

  ReportFile base_, now_;
};

TEST_F(TensorGates, EqualTensorsPass) {
  EXPECT_EQ(check("tensor_formats: same").verdict, Verdict::pass);
  EXPECT_EQ(check("tensor_formats: same").note, "3 tensors as in the baseline");
  EXPECT_EQ(check("substitutions: none").note, "none");
  EXPECT_EQ(check("tensor_relative_rmse: {max_increase_percent: 0}").verdict, Verdict::pass);
}

TEST_F(TensorGates, AnotherFormatIsNamed) {
  now(1).format = "q3_k";
  now(2).format = "q6_k";
  const GateCheck found = check("tensor_formats: same");
  EXPECT_EQ(found.verdict, Verdict::regression);
  EXPECT_THAT(found.tensors, ElementsAre("down", "output"));
  EXPECT_EQ(found.note, "down: q3_k, q4_0 in the baseline (and 1 more)");
  EXPECT_EQ(check("tensor_formats: {demand: same, hard: false}").verdict, Verdict::warning);
}

TEST_F(TensorGates, ATensorThatIsNoLongerQuantizedOrNowIsOne) {
  now_.report.cells[0].tensors.erase(now_.report.cells[0].tensors.begin());
  now_.report.cells[0].tensors.push_back(tensor("embedding", "q4_0", 0.1));
  EXPECT_THAT(check("tensor_formats: same").tensors, ElementsAre("embedding", "up"));
}

TEST_F(TensorGates, SubstitutionsAreNoneOrAsTheyWere) {
  now(0).format = "q5_0";
  now(0).fallback = "q5_0 instead of q4_k: rows of 96 are no multiple of 256";
  EXPECT_EQ(check("substitutions: same").verdict, Verdict::regression);
  EXPECT_THAT(check("substitutions: same").note, HasSubstr("up: q5_0 instead of q4_k"));
  base_.report.cells[0].tensors[0] = now(0);
  EXPECT_EQ(check("substitutions: same").verdict, Verdict::pass);
  EXPECT_EQ(check("substitutions: same").note, "1 tensor substituted as in the baseline");
  EXPECT_THAT(check("substitutions: none").tensors, ElementsAre("up"));
  now(0).format = "q8_0";
  EXPECT_EQ(check("substitutions: same").verdict, Verdict::regression) << "another substitute";
}

TEST_F(TensorGates, TheTensorWithTheLargestExcessIsNamedFirst) {
  now(1).relative_rmse = 0.0808;   // + 1 %
  now(2).relative_rmse = 0.01002;  // + 0.2 %
  const GateCheck found = check("tensor_relative_rmse: {max_increase_percent: 0.1}");
  EXPECT_EQ(found.verdict, Verdict::regression);
  EXPECT_THAT(found.tensors, ElementsAre("down", "output"));
  EXPECT_EQ(found.base, 0.08);
  EXPECT_EQ(found.now, 0.0808);
  EXPECT_EQ(found.note, "down (and 1 more)");
  EXPECT_THAT(check("tensor_relative_rmse: {max_increase_percent: 0.5}").tensors, ElementsAre("down"));
  const GateCheck passed = check("tensor_relative_rmse: {max_increase_percent: 2}");
  EXPECT_EQ(passed.verdict, Verdict::pass);
  EXPECT_THAT(passed.tensors, IsEmpty());
  EXPECT_EQ(passed.note, "at most: down");
  EXPECT_THAT(check("tensor_relative_rmse: {max: 0.09}").tensors, ElementsAre("up"));
}

TEST_F(TensorGates, WithoutABaselineOnlyAbsoluteDemandsHold) {
  base_.report.cells[0].tensors.clear();
  EXPECT_EQ(check("tensor_formats: same").verdict, Verdict::not_checked);
  EXPECT_EQ(check("tensor_relative_rmse: {max_increase: 1}").verdict, Verdict::not_checked);
  EXPECT_EQ(check("substitutions: none").verdict, Verdict::pass);
  EXPECT_EQ(check("tensor_relative_rmse: {max: 0.05}").verdict, Verdict::regression);
}

TEST_F(TensorGates, ALostListIsARegressionAndNoListAnError) {
  const Gates gates = parse_gates("gates: {bits_per_weight: {max: 9}, tensor_formats: same}", "gates.yaml");
  now_.report.cells[0].tensors.clear();
  EXPECT_THROW(compare_reports(base_, now_, gates), Error) << "no cell has what the gate asks for";
  now_.report.cells.push_back(sample_cell("q8_0", 8.5, 0.1, 4, 0.1));
  now_.report.cells[1].tensors = {tensor("up", "q8_0", 0.1)};
  const Comparison comparison = compare_reports(base_, now_, gates);
  EXPECT_EQ(comparison.count(Verdict::regression), 1u);
  EXPECT_EQ(comparison.checks[1].note, "tensors are listed in the baseline, not now");
}

}  // namespace
}  // namespace quantbench
