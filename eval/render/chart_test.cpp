#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "eval/render/axis.h"
#include "eval/render/chart_data.h"
#include "eval/render/label_layout.h"
#include "eval/render/render.h"
#include "eval/render/sample_report_for_tests.h"
#include "eval/render/svg.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::size_t occurrences(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// A sweep as real runs have it: 30 methods, from collapse at two bits to noise at eight.
Report crowded_report() {
  Report report = sample_report();
  report.cells = {sample_cell("f32", 32, 0, 4.0, 0), sample_cell("f16", 16, 2e-4, 4.0001, 1e-7)};
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group : {32, 64, 128}) {
      const double error = std::pow(2.0, -bits) * (1 + group / 400.0);
      report.cells.push_back(sample_cell(fmt::format("absmax:int{}:g{}", bits, group), bits + 16.0 / group, error * 1.3,
                                         4 * (1 + 9 * error * error), error * error));
      report.cells.push_back(sample_cell(fmt::format("zero_point:int{}:g{}", bits, group), bits + (16.0 + bits) / group,
                                         error, 4 * (1 + 6 * error * error), error * error * 0.7));
    }
  }
  for (const auto& [name, bits] : {std::pair{"q4_0", 4.5}, {"q4_1", 5.0}, {"q5_0", 5.5}, {"q5_1", 6.0}, {"q8_0", 8.5}})
    report.cells.push_back(sample_cell(fmt::format("rtn:{}", name), bits, std::pow(2.0, -bits),
                                       4 * (1 + 12 * std::pow(4.0, -bits)), std::pow(4.0, -bits)));
  for (CellReport& cell : report.cells) set_difference(cell, 4.0, 0.002);
  return report;
}

TEST(ChartData, FamiliesLabelsAndFrontier) {
  Report report = sample_report();
  report.cells.push_back(sample_cell("q4_0", 4.5, 0.1, 4.6, 0.1));             // worse than absmax at equal bits
  report.cells.push_back(sample_cell("gptq:int8:g128", 8.2, 0.01, 4.4, 0.1));  // worse than absmax with fewer
  const ChartData data = chart_data(report, ChartMetric::perplexity);
  EXPECT_EQ(data.reference, 4.0);
  EXPECT_THAT(data.families, ElementsAre("absmax", "float", "gptq", "search", "zero_point"));
  std::vector<std::string> frontier, labels;
  for (const ChartPoint& point : data.points) {
    labels.push_back(point.label);
    if (point.on_frontier) frontier.push_back(point.method);
  }
  EXPECT_THAT(labels, ElementsAre("int2:g64", "int4:g32", "q4_0", "int8:g128", "f16"));
  EXPECT_THAT(frontier, ElementsAre("zero_point:int2:g64", "absmax:int4:g32", "f16"));
}

TEST(ChartData, TheIntervalIsThatOfThePairedDifference) {
  const ChartData data = chart_data(sample_report(), ChartMetric::perplexity);
  EXPECT_NEAR(*data.points[1].lower, 4.3 * std::exp(-0.002), 1e-12);
  EXPECT_NEAR(*data.points[1].upper, 4.3 * std::exp(0.002), 1e-12);
}

TEST(ChartData, FailedCellsAndZeroErrorsAreNoPoints) {
  Report report = sample_report();
  report.cells[0].status = "failed";
  report.cells[2].kld->mean = 0;
  EXPECT_EQ(chart_data(report, ChartMetric::mean_kld).points.size(), 1u);
  EXPECT_FALSE(can_chart(report, ChartMetric::mean_kld));
  EXPECT_THROW(render_chart(report, ChartMetric::mean_kld), Error);
}

TEST(Axis, PositionsIncreaseAndTicksLieInside) {
  for (const Axis& axis : {bits_axis({2.1, 16}), logarithmic_axis({1e-7, 0.9}), excess_axis({3.99, 400}, 4),
                           linear_axis({3.9, 4.2}), linear_axis({4, 4}), bits_axis({4, 4})}) {
    EXPECT_GE(axis.ticks.size(), 1u);
    for (const Tick& tick : axis.ticks) {
      EXPECT_GE(tick.position, 0);
      EXPECT_LE(tick.position, 1);
    }
    EXPECT_LT(axis.position(2.5), axis.position(2.6));
  }
}

TEST(Axis, ExcessIsReadAsPercentAndPerplexity) {
  const Axis axis = excess_axis({4, 400}, 4);
  const auto found = std::ranges::find(axis.ticks, std::string("+10 %"), &Tick::side_label);
  ASSERT_NE(found, axis.ticks.end());
  EXPECT_EQ(found->label, "4.400");
  EXPECT_NEAR(found->position, axis.position(4.4), 1e-12);
}

TEST(LabelLayout, NoLabelCoversAnotherOrAMarker) {
  std::vector<LabelRequest> requests;
  for (int i = 0; i < 30; ++i) requests.push_back({{100 + 37.0 * (i % 6), 100 + 23.0 * std::floor(i / 6.0)}, 50, 12});
  const LabelLayout layout{{0, 0, 420, 320}, 8, {{0, 0, 420, 40}}};
  const auto boxes = place_labels(requests, layout);
  std::size_t placed = 0;
  for (std::size_t a = 0; a < boxes.size(); ++a) {
    if (!boxes[a]) continue;
    ++placed;
    EXPECT_TRUE(layout.plot.contains(*boxes[a]));
    EXPECT_FALSE(layout.blocked[0].overlaps(*boxes[a]));
    for (std::size_t b = 0; b < a; ++b) EXPECT_FALSE(boxes[b] && boxes[b]->overlaps(*boxes[a])) << a << " " << b;
    for (const LabelRequest& other : requests)
      EXPECT_FALSE(
          boxes[a]->overlaps({other.anchor.x - 8, other.anchor.y - 8, other.anchor.x + 8, other.anchor.y + 8}));
  }
  EXPECT_GE(placed, 12u);
}

TEST(Svg, EscapesTextAndTooltips) {
  SvgDocument svg(10, 20, "", "a<b", "d");
  svg.circle({1, 2}, 3, "c0", "x & y");
  EXPECT_THAT(svg.finish(), HasSubstr("viewBox=\"0 0 10 20\""));
  EXPECT_THAT(svg.finish(), HasSubstr("<title>a&lt;b</title>"));
  EXPECT_THAT(svg.finish(),
              HasSubstr("<circle cx=\"1.0\" cy=\"2.0\" r=\"3.0\" class=\"c0\"><title>x &amp; y</title></circle>"));
}

TEST(Chart, HoldsEveryPointTheReferenceAndTheFrontier) {
  const std::string svg = render_chart(crowded_report(), ChartMetric::perplexity);
  EXPECT_EQ(occurrences(svg, "bits per weight, Perplexity"), 42u);  // one tooltip a point: all cells but f32
  EXPECT_EQ(occurrences(svg, "class=\"reference\""), 1u);
  EXPECT_EQ(occurrences(svg, "<polyline"), 1u);
  EXPECT_THAT(svg, HasSubstr("stories_eval, llamacpp-512, 4096 tokens scored; bars:"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  for (const char* family : {">absmax<", ">zero_point<", ">rtn<", ">float<"}) EXPECT_THAT(svg, HasSubstr(family));
}

TEST(Html, HoldsEverythingItNeeds) {
  Report report = crowded_report();
  report.cells[2].tensors.push_back({"blk.0.<w>", "int4", 8, 32, 4.5, 0.1, 0.01, 0.2, 0.99, {}, "q8_0"});
  const std::string html = render_html(std::vector{report});
  EXPECT_EQ(occurrences(html, "<svg "), 3u);
  for (const char* external : {"src=", "href=", "url(", "@import", "<script"})
    EXPECT_EQ(occurrences(html, external), 0u) << external;
  EXPECT_EQ(occurrences(html, "<tr>"), occurrences(html, "</tr>"));
  EXPECT_THAT(html, HasSubstr("blk.0.&lt;w&gt;"));
  EXPECT_THAT(html, HasSubstr("A CPU &amp; more"));
}

// To look at: QUANTBENCH_CHARTS=DIR writes the charts of the crowded report there.
TEST(Chart, WritesPicturesOnRequest) {
  const char* directory = std::getenv("QUANTBENCH_CHARTS");
  if (directory == nullptr) GTEST_SKIP() << "QUANTBENCH_CHARTS is not set";
  for (const ChartMetric metric : chart_metrics())
    std::ofstream(fmt::format("{}/{}.svg", directory, to_string(metric))) << render_chart(crowded_report(), metric);
}

}  // namespace
}  // namespace quantbench
