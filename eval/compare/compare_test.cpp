#include "eval/compare/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/testing/temporary_folder.h"
#include "eval/metrics/perplexity.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

class CompareTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string side : {"base", "now"}) std::filesystem::create_directories(folder_ / side);
    base_ = {sample_report(), folder_ / "base/report.json"};
    now_ = {sample_report(), folder_ / "now/report.json"};
  }

  /// Makes `tokens` the per-token values of the f32 cell of `file`: of its NLL, or of its divergence.
  static void give_tokens(ReportFile& file, const std::vector<float>& tokens, GateMetric metric) {
    CellReport& cell = f32(file);
    const bool divergence = metric == GateMetric::mean_kld;
    const std::string name = divergence ? "f32.kld" : "f32.nll";
    const std::string_view bytes(reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(float));
    write_text_atomically(file.path.parent_path() / name, bytes);
    (divergence ? cell.kld_file : cell.nll_file) = name;
    (divergence ? cell.kld_sha256 : cell.nll_sha256) = sha256(bytes);
    double sum = 0;
    for (const float token : tokens) sum += static_cast<double>(token);
    if (divergence)
      cell.kld->mean = sum / static_cast<double>(tokens.size());
    else
      cell.perplexity->value = perplexity(tokens).value;
    cell.perplexity->tokens = tokens.size();
    file.report.dataset_windows =
        WindowFacts{.count = tokens.size() / 50, .available = 20, .length = 100, .stride = 100, .scored_each = 50};
  }

  /// Twenty windows of 50 tokens: the values of window w are off the mean by amplitude * (+1, -1, -1, +1, ...)[w], and by the
  /// opposite where `flip`.
  static std::vector<float> windows_of(double mean, double amplitude, bool flip) {
    std::vector<float> tokens;
    for (int window = 0; window < 20; ++window)
      for (int i = 0; i < 50; ++i)
        tokens.push_back(static_cast<float>(mean + amplitude * (((window + 1) / 2 % 2 == 0) != flip ? 1 : -1)));
    return tokens;
  }

  static void give_nll(ReportFile& file, double perplexity_value, double amplitude, bool flip) {
    give_tokens(file, windows_of(std::log(perplexity_value), amplitude, flip), GateMetric::perplexity_ratio);
  }
  static void give_kld(ReportFile& file, double mean, double amplitude, bool flip) {
    give_tokens(file, windows_of(mean, amplitude, flip), GateMetric::mean_kld);
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

  testing_support::TemporaryFolder folder_;
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
  EXPECT_FALSE(comparison.fails());
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
  EXPECT_FALSE(compare_reports(base_, now_, default_gates()).fails());
  EXPECT_THAT(error_of("methods: {'gptq:*': {relative_rmse: {max: 1}}}"), HasSubstr("no gate for the methods"));
}

TEST_F(CompareTest, AnIncreaseWithinTheNoiseFloorPasses) {
  const std::string gate = "gates: {mean_kld: {max_increase_percent: 5, paired: false}}";
  f32(base_).kld->mean = 1e-10;
  f32(now_).kld->mean = 9e-10;  // noise floor 1e-9
  const GateCheck quiet = only(compare(gate), "f32");
  EXPECT_EQ(quiet.verdict, Verdict::pass);
  EXPECT_THAT(quiet.note, HasSubstr("noise floor"));
  f32(now_).kld->mean = 2e-9;
  EXPECT_EQ(only(compare(gate), "f32").verdict, Verdict::regression);
}

constexpr const char* ratio_gate = "gates: {perplexity_ratio: {max: 1.01}}";

TEST_F(CompareTest, APerplexityExcessIsARegressionWhenTheWholeIntervalExceedsTheLimit) {
  // The same noise on both sides cancels in the pairs, however large it is.
  give_nll(base_, 4.0, 1.0, false);
  give_nll(now_, 4.08, 1.0, false);
  const Comparison comparison = compare(ratio_gate);
  const GateCheck check = only(comparison, "f32");
  EXPECT_EQ(check.verdict, Verdict::regression);
  EXPECT_TRUE(comparison.fails());
  EXPECT_NEAR(*check.now, 1.02, 1e-5);
  EXPECT_NEAR(check.interval->lower, 1.02, 1e-5);
  EXPECT_NEAR(check.interval->upper, 1.02, 1e-5);
  EXPECT_EQ(check.interval->samples, 20u);
  EXPECT_EQ(check.interval->block, 3u);
  EXPECT_EQ(only(compare("gates: {perplexity_ratio: {max: 1.021}}"), "f32").verdict, Verdict::pass);
}

TEST_F(CompareTest, AnIntervalOnBothSidesOfTheLimitIsInconclusive) {
  // Opposite noise: differences of windows are +-0.04 about ln 1.02, so that the limit lies in the interval.
  give_nll(base_, 4.0, 0.02, false);
  give_nll(now_, 4.08, 0.02, true);
  const Comparison comparison = compare(ratio_gate);
  const GateCheck check = only(comparison, "f32");
  EXPECT_EQ(check.verdict, Verdict::inconclusive);
  EXPECT_LT(check.interval->lower, 1.01);
  EXPECT_GT(check.interval->upper, 1.01);
  EXPECT_FALSE(comparison.fails());
  EXPECT_EQ(comparison.verdict(), Verdict::inconclusive);
  EXPECT_EQ(only(compare("gates: {perplexity_ratio: {max: 1.01, paired: false}}"), "f32").verdict, Verdict::regression);

  const Comparison strict = compare(std::string("inconclusive: fail\n") + ratio_gate);
  EXPECT_TRUE(strict.fails());
  EXPECT_EQ(strict.verdict(), Verdict::inconclusive);
  EXPECT_THAT(summary_line(strict), testing::StartsWith("INCONCLUSIVE, which fails here: "));
  const GateCheck lenient = only(compare("gates: {perplexity_ratio: {max: 1.01, inconclusive: pass}}"), "f32");
  EXPECT_EQ(lenient.verdict, Verdict::pass);
  EXPECT_THAT(lenient.note, HasSubstr("inconclusive, which counts as passed"));
  EXPECT_FALSE(compare("inconclusive: fail\ngates: {perplexity_ratio: {max: 1.01, hard: false}}").fails());
}

TEST_F(CompareTest, ASoftGateWarns) {
  give_nll(base_, 4.0, 1.0, false);
  give_nll(now_, 4.08, 1.0, false);
  const Comparison comparison = compare("gates: {perplexity_ratio: {max: 1.01, hard: false}}");
  EXPECT_EQ(only(comparison, "f32").verdict, Verdict::warning);
  EXPECT_FALSE(comparison.fails());
  EXPECT_THAT(summary_line(comparison), HasSubstr("1 warning"));
}

TEST_F(CompareTest, DivergenceIsJudgedByItsOwnPairs) {
  // Larger by the same part in every window: the ratio is known exactly, the difference is not.
  std::vector<float> base = windows_of(0.1, 0.05, false), now = base;
  for (float& token : now) token *= 1.06F;
  give_tokens(base_, base, GateMetric::mean_kld);
  give_tokens(now_, now, GateMetric::mean_kld);
  const GateCheck relative = only(compare("gates: {mean_kld: {max_increase_percent: 5}}"), "f32");
  EXPECT_EQ(relative.verdict, Verdict::regression);
  EXPECT_NEAR(relative.interval->lower, 0.106, 1e-6);
  EXPECT_NEAR(relative.interval->upper, 0.106, 1e-6);
  const GateCheck absolute = only(compare("gates: {mean_kld: {max_increase: 0.0055}}"), "f32");
  EXPECT_EQ(absolute.verdict, Verdict::inconclusive) << "differences of 0.003 and 0.009 by turns";
  EXPECT_EQ(only(compare("gates: {mean_kld: {max: 0.11}}"), "f32").verdict, Verdict::pass) << "of the figure itself";
}

TEST_F(CompareTest, IdenticalTokensPassWhateverTheLimit) {
  give_nll(base_, 4.0, 1.0, false);
  give_nll(now_, 4.0, 1.0, false);
  give_kld(base_, 0.1, 0.05, false);
  give_kld(now_, 0.1, 0.05, false);
  const std::string strict =
      "inconclusive: fail\ngates: {perplexity_ratio: {max: 1}, mean_kld: {max_increase: 0, max_increase_percent: 0}}";
  EXPECT_EQ(compare(strict).count(Verdict::pass), compare(strict).checks.size());
  base_.report.dataset_windows.reset();
  now_.report.dataset_windows.reset();
  EXPECT_FALSE(compare(strict).fails()) << "nothing has to be tested";
}

TEST_F(CompareTest, WithoutAnIntervalNothingPassesThatDiffers) {
  give_nll(base_, 4.0, 0.1, false);
  give_nll(now_, 4.0004, 0.1, true);
  base_.report.dataset_windows.reset();
  now_.report.dataset_windows.reset();
  EXPECT_EQ(only(compare(ratio_gate), "f32").note, "neither report states its windows: no interval");
  now_.report.dataset_windows =
      WindowFacts{.count = 5, .available = 5, .length = 400, .stride = 400, .scored_each = 200};
  EXPECT_EQ(only(compare(ratio_gate), "f32").verdict, Verdict::inconclusive);
  EXPECT_EQ(only(compare(ratio_gate), "f32").note, "5 windows: an interval needs 8");
  now_.report.dataset_windows->count = 20;
  f32(base_).nll_file = "";
  EXPECT_EQ(only(compare(ratio_gate), "f32").verdict, Verdict::inconclusive);
  EXPECT_THAT(only(compare(ratio_gate), "f32").note, HasSubstr("has no per-token NLL file beside it"));
}

TEST_F(CompareTest, WindowsThatDifferCannotBeCompared) {
  give_nll(base_, 4.0, 0.1, false);
  give_nll(now_, 4.0, 0.1, true);
  now_.report.dataset_windows->length = 200;
  EXPECT_THAT(error_of(ratio_gate), HasSubstr("20 of 200 tokens"));
  now_.report.dataset_windows->length = 100;
  base_.report.dataset_windows->scored_each = now_.report.dataset_windows->scored_each = 49;
  EXPECT_THAT(error_of(ratio_gate), HasSubstr("1000 tokens of 20 windows of 49"));
}

TEST_F(CompareTest, AnExcessThatCannotBeTestedCannotBeCompared) {
  f32(now_).perplexity->value = 4.5;
  now_.report.dataset_windows =
      WindowFacts{.count = 20, .available = 20, .length = 100, .stride = 100, .scored_each = 50};
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
  const Table table = checks_table(comparison.checks);
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_THAT(table.rows[0], testing::ElementsAre("absmax:int4:g32", "relative_rmse", "0.09", "0.18", "+100 %", "-",
                                                  "+10 %", "regression", ""));
  const auto json = nlohmann::json::parse(to_json(comparison));
  EXPECT_EQ(json["verdict"], "regression");
  EXPECT_EQ(json["fails"], true);
  EXPECT_EQ(json["checks"][0]["limit"]["max_increase_percent"], 10);
  EXPECT_EQ(json["checks"][0]["new"], 0.18);
  EXPECT_EQ(json["checks"][0]["fails"], true);
  EXPECT_FALSE(json["checks"][0].contains("interval"));
}

TEST_F(CompareTest, JsonStatesTheInterval) {
  give_nll(base_, 4.0, 0.02, false);
  give_nll(now_, 4.08, 0.02, true);
  const auto json = nlohmann::json::parse(to_json(compare(ratio_gate)));
  EXPECT_EQ(json["verdict"], "inconclusive");
  EXPECT_EQ(json["fails"], false);
  const auto& check = json["checks"][1];
  EXPECT_LT(check["interval"]["lower"], check["new"]);
  EXPECT_GT(check["interval"]["upper"], check["new"]);
  EXPECT_EQ(check["interval"]["confidence"], 0.99);
  EXPECT_EQ(check["interval"]["windows"], 20);
  EXPECT_EQ(check["interval"]["block"], 3);
}

}  // namespace
}  // namespace quantbench
