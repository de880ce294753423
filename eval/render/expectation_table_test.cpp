#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/render/render.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ExpectationReport entry(std::string method, double published, std::string verdict, std::string reason = "") {
  ExpectationReport made;
  made.method = std::move(method);
  made.metric = "perplexity";
  made.model = "opt-125m";
  made.source = "A & B, Table 3";
  made.published = published;
  made.tolerance = 0.25;
  made.verdict = std::move(verdict);
  made.reason = std::move(reason);
  return made;
}

Report report_with_expectations() {
  Report report = sample_report();
  report.expectations = {entry("f32", 27.65, "within"), entry("q4_0", 22, "not measured", "other model"),
                         entry("q4_1", 23, "not measured", "other model"),
                         entry("q2_k", 3, "not measured", "other text")};
  report.expectations[0].measured = 27.656;
  report.expectations[0].difference = 27.656 - 27.65;
  report.expectations[1].model = report.expectations[2].model = "opt-350m";
  report.orderings = {{"q4_k", "rtn:q4_0", "kld.mean", "A & B", -0.25, -0.5, -0.125, "holds", ""}};
  return report;
}

TEST(ExpectationTable, PutsPaperAndMeasurementSideBySide) {
  const Table table = expectation_table(report_with_expectations());
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_THAT(table.rows[0], ElementsAre("opt-125m", "f32", "perplexity", "27.65", "27.656", "+0.006 (+0.02 %)", "0.25",
                                         "within", "A & B, Table 3"));
  EXPECT_EQ(table.rows[1][7], "not measured: other text");
  EXPECT_THAT(table.rows[2], ElementsAre("opt-350m", "2 figures", "", "", "", "", "", "not measured: other model", ""));
}

TEST(ExpectationTable, IsInEveryDocument) {
  const std::vector reports{report_with_expectations()};
  EXPECT_THAT(render_terminal(reports[0]), HasSubstr("27.656"));
  EXPECT_THAT(render_markdown(reports), HasSubstr("| q4_k | rtn:q4_0 | KL divergence | -0.25 in [-0.5, -0.125] |"));
  EXPECT_THAT(render_html(reports), HasSubstr("A &amp; B, Table 3"));
  EXPECT_THAT(render_latex(reports), HasSubstr("Published and measured figures of sample\\_run"));
  const std::string csv = render_expectations_csv(reports);
  EXPECT_EQ(std::ranges::count(csv, '\n'), 6);  // the title, four figures, one ordering
  EXPECT_THAT(csv, HasSubstr("ordering,q4_k,rtn:q4_0,kld.mean,,,,,-0.25,-0.5,-0.125,holds,,A & B"));
  EXPECT_EQ(render_expectations_csv(std::vector{sample_report()}), "");
}

}  // namespace
}  // namespace quantbench
