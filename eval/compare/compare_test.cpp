#include "eval/compare/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "eval/metrics/perplexity.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

class CompareTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string side : {"base", "now"}) std::filesystem::create_directories(directory_ / side);
    base_ = {sample_report(), directory_ / "base/report.json"};
    now_ = {sample_report(), directory_ / "now/report.json"};
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  /// Writes per-token NLLs with mean log(perplexity) for the f32 cell of `file`; token i is off the mean by
  /// amplitude * (+1, -1, +1, ...), and by the same pattern in both files unless `shift` flips it.
  static void give_nll(ReportFile& file, double perplexity_value, double amplitude, bool flip) {
    CellReport& cell = f32(file);
    std::vector<float> nll(1000);
    for (std::size_t i = 0; i < nll.size(); ++i)
      nll[i] = static_cast<float>(std::log(perplexity_value) + amplitude * ((i % 2 == 0) != flip ? 1 : -1));
    cell.perplexity->value = perplexity(nll).value;
    cell.perplexity->tokens = nll.size();
    cell.nll_file = "f32.nll";
    const std::string_view bytes(reinterpret_cast<const char*>(nll.data()), nll.size() * sizeof(float));
    cell.nll_sha256 = sha256(bytes);
    write_text_atomically(file.path.parent_path() / cell.nll_file, bytes);
  }

  static CellReport& f32(ReportFile& file) { return file.report.cells[1]; }

  Comparison compare(const std::string& gates) const {
    return compare_reports(base_, now_, parse_gates(gates, "gates.yaml"));
  }

  std::string error_of(const std::string& gates = "gates: {relative_rmse: {max: 1}}") const {
    try {
      compare(gates);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / fmt::format("compare_test_{}", ::getpid());
  ReportFile base_, now_;
};

GateCheck only(const Comparison& comparison, const std::string& method) {
  std::vector<GateCheck> found;
  for (const GateCheck& check : comparison.checks)
    if (check.method == method) found.push_back(check);
  EXPECT_EQ(found.size(), 1u) << method;
  return found.empty() ? GateCheck{} : found.front();
}

TEST_F(CompareTest, AReportPassesAgainstItself) {
  const Comparison comparison = compare_reports(base_, now_, default_gates());
  EXPECT_FALSE(comparison.regression());
  EXPECT_EQ(comparison.checks.size(), 16u);  // 4 methods x 4 gates
  EXPECT_EQ(comparison.count(Verdict::pass), 16u);
}

TEST_F(CompareTest, EachLimitIsInclusive) {
  base_.report.cells[0].rmse->relative = 0.2;
  struct Case {
    const char* limits;
    double now;
    Verdict verdict;
  };
  const Case cases[] = {
      {"max: 0.25", 0.25, Verdict::pass},
      {"max: 0.25", 0.2500001, Verdict::regression},
      {"max_increase: 0.1", 0.3, Verdict::pass},  // 0.2 + 0.1 > 0.3 in binary fractions, and 0.30000001 is not
      {"max_increase: 0.1", 0.30000001, Verdict::regression},
      {"max_increase_percent: 10", 0.22, Verdict::pass},
      {"max_increase_percent: 10", 0.2200001, Verdict::regression},
      {"max_increase_percent: 0", 0.1, Verdict::pass},
  };
  for (const Case& test : cases) {
    now_.report.cells[0].rmse->relative = test.now;
    const Comparison comparison = compare(fmt::format("gates: {{relative_rmse: {{{}}}}}", test.limits));
    EXPECT_EQ(only(comparison, "absmax:int4:g32").verdict, test.verdict) << test.limits << " " << test.now;
  }
}

TEST_F(CompareTest, ABaselineOfZeroFailsARelativeLimitOnAnyIncrease) {
  f32(now_).rmse->relative = 1e-9;
  const GateCheck relative = only(compare("gates: {relative_rmse: {max_increase_percent: 50}}"), "f32");
  EXPECT_EQ(relative.verdict, Verdict::regression);
  EXPECT_THAT(relative.note, HasSubstr("baseline is 0"));
  EXPECT_EQ(only(compare("gates: {relative_rmse: {max_increase: 0.001}}"), "f32").verdict, Verdict::pass);
}

TEST_F(CompareTest, ImpossibleValuesCannotBeCompared) {
  base_.report.cells[0].rmse->relative = -0.1;
  EXPECT_THAT(error_of(), HasSubstr("relative_rmse of absmax:int4:g32 is -0.1, which cannot be"));
  base_.report.cells[0].rmse->relative = 0.1;
  base_.report.cells[0].perplexity->value = 0;
  EXPECT_THAT(error_of("gates: {perplexity_ratio: {max: 2}}"), HasSubstr("is 0, which cannot be"));
}

TEST_F(CompareTest, ReportsOfDifferentEvaluationsNameBothValues) {
  now_.report.protocol = "gptq-2048";
  EXPECT_THAT(error_of(),
              testing::AllOf(HasSubstr("protocol differs"), HasSubstr("'llamacpp-512'"), HasSubstr("'gptq-2048'")));
  now_ = {sample_report(), now_.path};
  now_.report.dataset_sha256 = "other";
  EXPECT_THAT(error_of(), HasSubstr("the text's sha256"));
  now_ = {sample_report(), now_.path};
  now_.report.model_sha256 = "other";
  EXPECT_THAT(error_of(), HasSubstr("the model's sha256"));
  now_ = {sample_report(), now_.path};
  now_.report.tokenizer_sha256 = "other";
  EXPECT_THAT(error_of(), HasSubstr("the tokenizer's sha256"));
  now_ = {sample_report(), now_.path};
  now_.report.device = "cuda";
  EXPECT_THAT(error_of(), HasSubstr("the device of products"));
  now_ = {sample_report(), now_.path};
  f32(now_).perplexity->protocol = "llamacpp-128";
  EXPECT_THAT(error_of(), HasSubstr("protocol of f32 differs"));
  now_ = {sample_report(), now_.path};
  f32(now_).perplexity->tokens = 17;
  EXPECT_THAT(error_of(), HasSubstr("'4096', " + now_.path.string() + " has '17'"));
}

TEST_F(CompareTest, MethodsMustBeUniqueAndShared) {
  now_.report.cells.push_back(now_.report.cells[0]);
  EXPECT_THAT(error_of(), HasSubstr("two cells of method absmax:int4:g32"));
  now_.report.cells = {sample_cell("q4_0", 4.5, 0.1, 4, 0.1)};
  EXPECT_THAT(error_of(), HasSubstr("no method in common"));
}

TEST_F(CompareTest, AMissingOrFailedCellIsARegression) {
  now_.report.cells[0].status = "failed";
  now_.report.cells[0].error = "out of luck";
  now_.report.cells.erase(now_.report.cells.begin() + 2);
  const Comparison comparison = compare("gates: {relative_rmse: {max: 1}}");
  EXPECT_EQ(only(comparison, "absmax:int4:g32").note, "failed: out of luck");
  EXPECT_EQ(only(comparison, "absmax:int4:g32").verdict, Verdict::regression);
  EXPECT_EQ(only(comparison, "zero_point:int2:g64").verdict, Verdict::regression);
  const Comparison lenient = compare("missing: ignore\ngates: {relative_rmse: {max: 1}}");
  EXPECT_EQ(only(lenient, "zero_point:int2:g64").verdict, Verdict::not_checked);
  EXPECT_EQ(only(lenient, "absmax:int4:g32").verdict, Verdict::regression);
}

TEST_F(CompareTest, ALostMetricIsARegressionAndANewOneHasNoBaseline) {
  now_.report.cells[0].kld.reset();
  f32(base_).kld.reset();
  const Comparison comparison = compare("gates: {mean_kld: {max_increase: 1}}");
  EXPECT_EQ(only(comparison, "absmax:int4:g32").verdict, Verdict::regression);
  EXPECT_EQ(only(comparison, "f32").verdict, Verdict::not_checked);
}

TEST_F(CompareTest, AGateThatNoCellCanPassThroughIsAnError) {
  for (CellReport& cell : now_.report.cells) cell.kld.reset();
  for (CellReport& cell : base_.report.cells) cell.kld.reset();
  EXPECT_THAT(error_of("gates: {mean_kld: {max: 1}}"), HasSubstr("asks for mean_kld, which no cell"));
  EXPECT_FALSE(compare_reports(base_, now_, default_gates()).regression());
  EXPECT_THAT(error_of("methods: {'gptq:*': {relative_rmse: {max: 1}}}"), HasSubstr("no gate for the methods"));
}

TEST_F(CompareTest, AnIncreaseWithinTheNoiseFloorPasses) {
  f32(base_).kld->mean = 1e-10;
  f32(now_).kld->mean = 9e-10;  // noise floor 1e-9
  const GateCheck quiet = only(compare("gates: {mean_kld: {max_increase_percent: 5}}"), "f32");
  EXPECT_EQ(quiet.verdict, Verdict::pass);
  EXPECT_THAT(quiet.note, HasSubstr("noise floor"));
  f32(now_).kld->mean = 2e-9;
  EXPECT_EQ(only(compare("gates: {mean_kld: {max_increase_percent: 5}}"), "f32").verdict, Verdict::regression);
}

constexpr const char* ratio_gate = "gates: {perplexity_ratio: {max: 1.01}}";

TEST_F(CompareTest, APerplexityExcessCountsWhenThePairedIntervalExcludesZero) {
  // The same noise on both sides cancels in the pairs, however large it is.
  give_nll(base_, 4.0, 1.0, false);
  give_nll(now_, 4.08, 1.0, false);
  const GateCheck check = only(compare(ratio_gate), "f32");
  EXPECT_EQ(check.verdict, Verdict::regression);
  EXPECT_NEAR(*check.now, 1.02, 1e-5);
}

TEST_F(CompareTest, APerplexityExcessThatIsNotSignificantPasses) {
  // Opposite noise: differences alternate between +-2 around ln 1.02, so the interval is about +-1.96 * 2 / sqrt(1000).
  give_nll(base_, 4.0, 1.0, false);
  give_nll(now_, 4.08, 1.0, true);
  const GateCheck check = only(compare(ratio_gate), "f32");
  EXPECT_EQ(check.verdict, Verdict::pass);
  EXPECT_THAT(check.note, HasSubstr("not significant"));
  EXPECT_EQ(only(compare("gates: {perplexity_ratio: {max: 1.01, paired: false}}"), "f32").verdict, Verdict::regression);
}

TEST_F(CompareTest, AnExcessThatCannotBeTestedCannotBeCompared) {
  f32(now_).perplexity->value = 4.5;
  EXPECT_THAT(error_of(ratio_gate),
              testing::AllOf(HasSubstr("names no per-token NLL file for f32"), HasSubstr("paired: false")));
  give_nll(base_, 4.0, 1.0, false);
  give_nll(now_, 4.5, 1.0, false);
  const std::string hash = f32(now_).nll_sha256;
  f32(now_).nll_sha256 = std::string(64, '0');
  EXPECT_THAT(error_of(ratio_gate), HasSubstr("sha256 differs"));
  f32(now_).nll_sha256 = hash;
  f32(now_).perplexity->value = 4.6;
  EXPECT_THAT(error_of(ratio_gate), HasSubstr("the report says 1000 of 4.6"));
  std::filesystem::remove(now_.path.parent_path() / "f32.nll");
  EXPECT_THAT(error_of(ratio_gate), HasSubstr("is missing"));
  f32(now_).nll_file = "../base/f32.nll";
  EXPECT_THAT(error_of(ratio_gate), HasSubstr("not below the report"));
}

TEST_F(CompareTest, TableAndJsonHoldEveryCheck) {
  now_.report.cells[0].rmse->relative = 0.18;
  const Comparison comparison = compare("gates: {relative_rmse: {max_increase_percent: 10}}");
  const Table table = comparison_table(comparison);
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_THAT(table.rows[0], testing::ElementsAre("absmax:int4:g32", "relative_rmse", "0.09", "0.18", "+100 %", "+10 %",
                                                  "regression", ""));
  const auto json = nlohmann::json::parse(to_json(comparison));
  EXPECT_EQ(json["verdict"], "regression");
  EXPECT_EQ(json["checks"][0]["limit"]["max_increase_percent"], 10);
  EXPECT_EQ(json["checks"][0]["new"], 0.18);
}

}  // namespace
}  // namespace quantbench
