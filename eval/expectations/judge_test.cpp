#include "eval/expectations/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "eval/expectations/cell_figures.h"
#include "eval/metrics/perplexity.h"
#include "eval/render/sample_report_for_tests.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

constexpr std::size_t windows = 12, scored = 4;

class Judging : public testing::Test {
 protected:
  Judging() : file_{sample_report(), folder_ / "report.json"} {
    file_.report.dataset_windows = WindowFacts{windows, windows, 8, 8, 3, scored, windows};
  }

  ExpectationReport judge(PublishedFigure figure) {
    judge_expectations({{std::move(figure)}, {}, false}, "OPT_125m-hf", file_);
    return file_.report.expectations.at(0);
  }

  OrderingReport judge(const std::string& better, const std::string& worse, const std::string& metric) {
    judge_expectations({{}, {{better, worse, metric, ""}}, false}, "any", file_);
    return file_.report.orderings.at(0);
  }

  CellReport& cell(const std::string& method) {
    return *std::ranges::find(file_.report.cells, method, &CellReport::method);
  }

  // Tokens whose mean is 1 + offset in each window, up and down by `spread` from window to window.
  std::vector<float> tokens(double offset, double spread) const {
    std::vector<float> values;
    for (std::size_t window = 0; window < windows; ++window)
      for (std::size_t i = 0; i < scored; ++i)
        values.push_back(static_cast<float>(1 + offset + (window % 2 == 0 ? spread : -spread)));
    return values;
  }

  std::string write(const std::string& name, const std::vector<float>& values) {
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    write_text_atomically(folder_ / name, bytes);
    return sha256(bytes);
  }

  void give_nll(const std::string& method, double offset, double spread) {
    const std::vector<float> nll = tokens(offset, spread);
    CellReport& of = cell(method);
    of.nll_file = std::to_string(++files_) + ".nll";
    of.nll_sha256 = write(of.nll_file, nll);
    of.perplexity->value = perplexity(nll).value;
    of.perplexity->tokens = nll.size();
  }

  testing_support::TemporaryFolder folder_;
  ReportFile file_;
  int files_ = 0;
};

PublishedFigure published(const std::string& method, double value, const std::string& model = "") {
  PublishedFigure figure;
  figure.method = method;
  figure.metric = "perplexity";
  figure.model = model;
  figure.value = value;
  return figure;
}

TEST(NamesModel, IgnoresHowAModelIsStoredAndNothingElse) {
  for (const char* name :
       {"opt-125m", "OPT-125M", "opt_125m", "opt-125m-hf", "opt-125m.f16.gguf", "opt-125m-bf16.gguf"})
    EXPECT_TRUE(names_model("opt-125m", name)) << name;
  for (const char* name : {"opt-1.3b", "opt-125m-chat", "my-opt-125m", "opt-125", "opt-125m-q4_0.gguf", ""})
    EXPECT_FALSE(names_model("opt-125m", name)) << name;
  EXPECT_TRUE(names_model("Llama-2-7B", "Llama-2-7b-hf"));
  EXPECT_FALSE(names_model("Llama-2-7B", "Llama-2-7b-chat-hf"));
}

TEST_F(Judging, AFigureIsWithinOrOutsideOfItsTolerance) {
  // The sample's absmax:int4:g32 has a perplexity of 4.3.
  PublishedFigure figure = published("absmax:int4:g32", 4.2, "opt-125m");
  figure.tolerance = {0.1, false};
  EXPECT_EQ(judge(figure).verdict, "within");  // exactly at the limit, but for rounding
  EXPECT_NEAR(*file_.report.expectations[0].difference, 0.1, 1e-12);
  EXPECT_TRUE(expectations_hold(file_.report));
  figure.tolerance = {0.02, true};
  EXPECT_EQ(judge(figure).verdict, "outside");
  EXPECT_DOUBLE_EQ(file_.report.expectations[0].tolerance, 0.084);
  EXPECT_FALSE(expectations_hold(file_.report));
  figure.tolerance = {0.025, true};
  EXPECT_EQ(judge(figure).verdict, "within");
}

TEST_F(Judging, SaysWhyAFigureIsNotMeasured) {
  const PublishedFigure figure = published("f16", 4);
  const auto reason = [&](auto change) {
    PublishedFigure changed = figure;
    change(changed);
    const ExpectationReport result = judge(changed);
    EXPECT_EQ(result.verdict, "not measured");
    EXPECT_FALSE(result.measured);
    return result.reason;
  };
  EXPECT_EQ(judge(figure).verdict, "within");
  EXPECT_EQ(reason([](auto& f) { f.model = "opt-350m"; }), "other model");
  EXPECT_EQ(reason([](auto& f) { f.dataset = "ptb"; }), "other text");
  EXPECT_EQ(reason([](auto& f) { f.unmeasurable = "no tasks"; }), "no tasks");
  EXPECT_EQ(reason([](auto& f) { f.method = "q4_k"; }), "method not run");
  cell("f16").kld.reset();
  EXPECT_EQ(reason([](auto& f) { f.metric = "kld.mean"; }), "metric not measured");
  cell("f16").status = "failed";
  EXPECT_EQ(reason([](auto&) {}), "the cell failed");
  EXPECT_TRUE(expectations_hold(file_.report));
}

TEST_F(Judging, OtherConditionsAreNotComparable) {
  PublishedFigure figure = published("f16", 4);
  figure.protocol = "gptq-2048";
  EXPECT_EQ(judge(figure).verdict, "not comparable");
  EXPECT_THAT(file_.report.expectations[0].reason, HasSubstr("llamacpp-512, published with gptq-2048"));
  EXPECT_TRUE(file_.report.expectations[0].measured);
  figure.protocol = "llamacpp-512";
  figure.windows = 8;
  EXPECT_EQ(judge(figure).verdict, "not comparable");
  file_.report.dataset_windows->count = 8;
  EXPECT_EQ(judge(figure).verdict, "within");
  figure.windows = 0;  // all of them
  EXPECT_EQ(judge(figure).verdict, "not comparable");
  EXPECT_THAT(file_.report.expectations[0].reason, HasSubstr("8 of 12 windows, published with all"));
}

TEST_F(Judging, FiguresAreWhatTheirNamesSay) {
  const auto value = [&](const char* figure) {
    return find_cell_figure(figure).value(file_.report, cell("absmax:int4:g32")).value();
  };
  EXPECT_DOUBLE_EQ(value("perplexity"), 4.3);
  EXPECT_DOUBLE_EQ(value("perplexity_increase"), 4.3 - 4.0);
  EXPECT_NEAR(value("perplexity_increase_percent"), 7.5, 1e-9);
  EXPECT_NEAR(value("perplexity_ratio"), 1.075, 1e-12);
  EXPECT_DOUBLE_EQ(value("kld.mean"), 0.03);
  EXPECT_DOUBLE_EQ(value("kld.median"), 0.015);
  EXPECT_DOUBLE_EQ(value("same_top_percent"), 97);
  EXPECT_DOUBLE_EQ(value("rms_probability_difference_percent"), 1);
  EXPECT_DOUBLE_EQ(value("bits_per_weight"), 4.5);
  EXPECT_NEAR(value("size_gib"), 4.5 * 131072 / (1 << 30), 1e-12);
  EXPECT_DOUBLE_EQ(value("windows"), windows);
  EXPECT_THROW(find_cell_figure("perplexty"), Error);
}

TEST_F(Judging, AnOrderingHoldsFailsOrCannotBeTold) {
  give_nll("f16", 0, 0.5);
  give_nll("absmax:int4:g32", 0.1, 0.5);
  OrderingReport result = judge("f16", "absmax:int4:g32", "perplexity");
  EXPECT_EQ(result.verdict, "holds");  // the windows differ by 1, the cells by 0.1 in every one of them
  EXPECT_NEAR(*result.difference, -0.1, 1e-6);
  EXPECT_EQ(judge("absmax:int4:g32", "f16", "perplexity").verdict, "fails");
  EXPECT_FALSE(expectations_hold(file_.report));
  give_nll("absmax:int4:g32", 0.1, -0.5);
  EXPECT_EQ(judge("f16", "absmax:int4:g32", "perplexity").verdict, "inconclusive");
  EXPECT_TRUE(expectations_hold(file_.report));
}

TEST_F(Judging, OrderingsByDivergenceReadItsFiles) {
  for (const auto& [method, offset] : {std::pair("f16", -1.0), std::pair("absmax:int4:g32", -0.5)}) {
    const std::vector<float> divergence = tokens(offset, 0);
    CellReport& of = cell(method);
    of.kld_file = std::to_string(++files_) + ".kld";
    of.kld_sha256 = write(of.kld_file, divergence);
    of.kld->mean = 1 + offset;
  }
  const OrderingReport result = judge("f16", "absmax:int4:g32", "kld.mean");
  EXPECT_EQ(result.verdict, "holds");
  EXPECT_NEAR(*result.difference, -0.5, 1e-6);
  cell("f16").kld->mean = 0.25;
  EXPECT_THROW(judge("f16", "absmax:int4:g32", "kld.mean"), Error);
}

TEST_F(Judging, SaysWhyAnOrderingIsNotMeasured) {
  EXPECT_EQ(judge("q4_k", "f16", "perplexity").reason, "q4_k was not run");
  EXPECT_EQ(judge("f16", "absmax:int4:g32", "perplexity").reason, "perplexity was not measured");
  give_nll("f16", 0, 0.5);
  give_nll("absmax:int4:g32", 0.1, 0.5);
  file_.report.dataset_windows->count = 3;
  EXPECT_EQ(judge("f16", "absmax:int4:g32", "perplexity").reason, "fewer than 8 windows");
}

}  // namespace
}  // namespace quantbench
