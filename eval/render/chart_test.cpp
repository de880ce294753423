#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "eval/render/axis.h"
#include "eval/render/chart_data.h"
#include "eval/render/chart_style.h"
#include "eval/render/family.h"
#include "eval/render/label_layout.h"
#include "eval/render/legend.h"
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
  const ChartData data = chart_data(std::vector{report}, ChartMetric::perplexity);
  ASSERT_EQ(data.references.size(), 1u);
  EXPECT_EQ(data.references[0].value, 4.0);
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
  const ChartData data = chart_data(std::vector{sample_report()}, ChartMetric::perplexity);
  EXPECT_NEAR(*data.points[1].lower, 4.3 * std::exp(-0.002), 1e-12);
  EXPECT_NEAR(*data.points[1].upper, 4.3 * std::exp(0.002), 1e-12);
}

TEST(ChartData, FailedCellsAndZeroErrorsAreNoPoints) {
  Report report = sample_report();
  report.cells[0].status = "failed";
  report.cells[2].kld->mean = 0;
  EXPECT_EQ(chart_data(std::vector{report}, ChartMetric::mean_kld).points.size(), 1u);
  EXPECT_FALSE(can_chart(std::vector{report}, ChartMetric::mean_kld));
  EXPECT_THROW(render_chart(std::vector{report}, ChartMetric::mean_kld), Error);
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
  SvgDocument svg(10, 20, "text{}", "a<b", "d");
  svg.circle({1, 2}, 3, "c0", "x & y");
  EXPECT_THAT(svg.finish(), HasSubstr("viewBox=\"0 0 10 20\""));
  EXPECT_THAT(svg.finish(), HasSubstr("<title>a&lt;b</title>"));
  EXPECT_THAT(svg.finish(),
              HasSubstr("<circle cx=\"1.0\" cy=\"2.0\" r=\"3.0\" class=\"c0 mark\"><title>x &amp; y</title></circle>"));
}

TEST(Chart, HoldsEveryPointTheReferenceAndTheFrontier) {
  const std::string svg = render_chart(std::vector{crowded_report()}, ChartMetric::perplexity);
  EXPECT_EQ(occurrences(svg, "bits per weight, Perplexity"), 42u);  // one tooltip a point: all cells but f32
  EXPECT_EQ(occurrences(svg, "class=\"reference\""), 1u);
  EXPECT_EQ(occurrences(svg, "<polyline"), 1u);
  EXPECT_THAT(svg, HasSubstr("stories_eval, llamacpp-512, 4096 tokens scored; bars:"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  for (const char* family : {">absmax<", ">zero_point<", ">rtn<", ">float<"}) EXPECT_THAT(svg, HasSubstr(family));
}

TEST(Family, IsWhatStandsBeforeTheFormat) {
  const auto both = [](const char* method) { return family_of(method).name + " | " + family_of(method).rest; };
  EXPECT_EQ(both("awq+gptq:int3:g128"), "awq+gptq | int3:g128");
  EXPECT_EQ(both("iq2_s"), "search | iq2_s");
  EXPECT_EQ(both("iq2_s:imatrix=off"), "search | iq2_s:imatrix=off") << "a bare format with an option is no solver";
  EXPECT_EQ(both("bf16"), "float | bf16");
  EXPECT_EQ(both("tomorrow:int9"), "tomorrow | int9") << "of another version";
}

TEST(ChartData, EachRunHasItsFrontier) {
  std::vector<Report> reports{sample_report(), sample_report()};
  for (CellReport& cell : reports[1].cells) cell.perplexity->value *= 1.5;  // worse than the first run everywhere
  const ChartData data = chart_data(reports, ChartMetric::perplexity);
  ASSERT_EQ(data.points.size(), 6u);
  EXPECT_EQ(std::ranges::count_if(data.points, [](const ChartPoint& point) { return point.place.run == 1; }), 3);
  for (const ChartPoint& point : data.points) {
    const auto twin = std::ranges::find_if(data.points, [&](const ChartPoint& other) {
      return other.method == point.method && other.place.run != point.place.run;
    });
    EXPECT_EQ(point.on_frontier, twin->on_frontier) << point.method;
    EXPECT_EQ(reports[point.place.run].cells[point.place.cell].method, point.method);
  }
  ASSERT_EQ(data.references.size(), 2u) << "f32 has another perplexity in each";
  EXPECT_EQ(chart_data(std::vector{sample_report(), sample_report()}, ChartMetric::perplexity).references.size(), 1u);
}

TEST(Chart, RunsAreDrawnTogetherAndToldApart) {
  std::vector<Report> reports{crowded_report(), crowded_report()};
  reports[1].run_name = "other";
  const std::string svg = render_chart(reports, ChartMetric::perplexity);
  EXPECT_EQ(occurrences(svg, "bits per weight, Perplexity"), 84u);
  EXPECT_EQ(occurrences(svg, "<polyline"), 2u);
  EXPECT_EQ(occurrences(svg, "data-cell=\"1-"), 42u);
  EXPECT_THAT(svg, HasSubstr(">sample_run</text>"));
  EXPECT_THAT(svg, HasSubstr("4096 tokens scored"));
  reports[1].dataset_sha256 = std::string(64, '0');
  EXPECT_THAT(render_chart(reports, ChartMetric::perplexity), HasSubstr("compare within a run only"));
  EXPECT_THAT(render_chart(reports, ChartMetric::relative_rmse), Not(HasSubstr("compare within a run only")));
}

TEST(ChartData, TheIntervalOfTheDivergenceIsThatOfItsMean) {
  Report report = sample_report();
  report.cells[0].kld->stderr_ = 0.005;
  report.cells[2].kld->stderr_ = 0.9;
  const ChartData data = chart_data(std::vector{report}, ChartMetric::mean_kld);
  EXPECT_NEAR(*data.points[1].lower, 0.03 - 1.96 * 0.005, 1e-12);
  EXPECT_NEAR(*data.points[1].upper, 0.03 + 1.96 * 0.005, 1e-12);
  EXPECT_EQ(*data.points[0].lower, 0) << "a divergence is never negative";
  EXPECT_FALSE(data.points[2].lower) << "not in old reports";
}

TensorReport tensor_of(std::size_t weights, double rms) {
  TensorReport tensor;
  tensor.rows = 1;
  tensor.cols = weights;
  tensor.rms = rms;
  return tensor;
}

TEST(ChartData, TheBoundIsThatOfTheOriginalWeights) {
  Report report = sample_report();
  EXPECT_TRUE(chart_data(std::vector{report}, ChartMetric::relative_rmse).sources.empty())
      << "nothing is known of them";
  report.cells[0].method = "awq:int4:g32";
  report.cells[0].tensors = {tensor_of(10, 99)};  // scaled by the transform
  report.cells[2].tensors = {tensor_of(100, 0.5), tensor_of(300, 0.5)};
  const ChartData data = chart_data(std::vector{report}, ChartMetric::relative_rmse);
  ASSERT_EQ(data.sources.size(), 2u);
  EXPECT_EQ(data.sources[1].weights, 300u);
  for (const double bits : {1.0, 3.5}) EXPECT_NEAR(least_relative_rmse(data.sources, bits), std::pow(2, -bits), 1e-9);
  EXPECT_THAT(render_chart(std::vector{report}, ChartMetric::relative_rmse), HasSubstr("class=\"bound\""));
}

TEST(Legend, RowsAreFilledBeforeTheNextOne) {
  std::vector<LegendEntry> entries;
  for (int i = 0; i < 10; ++i) entries.push_back(mark_entry("0123456789", {0, "c0"}));
  const double width = 16 + 10 * label_font_width + 20;  // symbol, text, gap
  EXPECT_EQ(Legend(entries, 0, 10 * width).rows(), 1u);
  EXPECT_EQ(Legend(entries, 0, 4 * width).rows(), 3u);
  EXPECT_EQ(Legend(entries, 0, 10).rows(), 10u) << "one that fits nowhere has a row to itself";
  EXPECT_EQ(Legend({}, 0, 10).extra_height(), 0);
}

TEST(Drawings, OfThePageHaveNoStyleOfTheirOwn) {
  const std::string inside = render_chart(std::vector{crowded_report()}, ChartMetric::perplexity, Placement::page);
  EXPECT_EQ(occurrences(inside, "<style>"), 0u);
  EXPECT_THAT(inside, HasSubstr("class=\"chart\""));
  EXPECT_THAT(chart_page_style(), HasSubstr(".chart .c0{fill:var(--c0)}"));
  for (const std::string& variables : {light_variables(), dark_variables()})
    for (const char* name : {"--c7:", "--h8:", "--g0:", "--back:"}) EXPECT_THAT(variables, HasSubstr(name));
}

// To look at: QUANTBENCH_CHARTS=DIR writes the charts of the crowded report there.
TEST(Chart, WritesPicturesOnRequest) {
  const char* directory = std::getenv("QUANTBENCH_CHARTS");
  if (directory == nullptr) GTEST_SKIP() << "QUANTBENCH_CHARTS is not set";
  for (const ChartMetric metric : chart_metrics())
    std::ofstream(fmt::format("{}/{}.svg", directory, to_string(metric)))
        << render_chart(std::vector{crowded_report()}, metric);
}

}  // namespace
}  // namespace quantbench
