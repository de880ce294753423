#include "eval/render/heat_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "eval/render/chart_style.h"
#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

CellReport cell_with_tensors() {
  CellReport cell = sample_cell("q4_0", 4.5, 0.1, 4.1, 0.01);
  const auto add = [&](const char* name, double error) {
    TensorReport tensor;
    tensor.name = name;
    tensor.format = "q4_0";
    tensor.rows = 8;
    tensor.cols = 32;
    tensor.relative_rmse = error;
    cell.tensors.push_back(tensor);
  };
  add("token_embd.weight", 0.04);
  add("blk.10.attn_q.weight", 0.1);
  add("blk.2.attn_q.weight", 0.2);
  add("blk.2.ffn_down.weight", 0);
  return cell;
}

TEST(RoleText, IsTheNameWithoutLayerAndEnding) {
  EXPECT_EQ(role_text("blk.3.attn_v.weight"), "attn_v");
  EXPECT_EQ(role_text("model.layers.12.self_attn.v_proj.weight"), "self_attn.v_proj");
  EXPECT_EQ(role_text("token_embd.weight"), "token_embd");
  EXPECT_EQ(role_text("output"), "output");
}

TEST(HeatMap, IsLayerByRole) {
  const HeatMap map = tensor_error_map(cell_with_tensors());
  EXPECT_THAT(map.rows, ElementsAre("2", "10", "no layer"));
  EXPECT_THAT(map.columns, ElementsAre("token_embd", "attn_q", "ffn_down"));
  ASSERT_TRUE(map.cells[0][1] && map.cells[1][1] && map.cells[2][0] && map.cells[0][2]);
  EXPECT_DOUBLE_EQ(map.cells[0][1]->value, 20);
  EXPECT_EQ(map.cells[1][1]->text, "10.0");
  EXPECT_EQ(map.cells[0][2]->text, "0");
  EXPECT_FALSE(map.cells[1][2]);
}

TEST(HeatScale, StepsAreOfEqualRatio) {
  const auto scale = scale_of({tensor_error_map(cell_with_tensors())});
  ASSERT_TRUE(scale);
  EXPECT_DOUBLE_EQ(scale->low, 4);  // zero is not on a logarithmic scale
  EXPECT_DOUBLE_EQ(scale->high, 20);
  const std::vector<double> bounds = step_bounds(*scale);
  ASSERT_EQ(bounds.size(), heat_steps + 1);
  EXPECT_DOUBLE_EQ(bounds.front(), 4);
  EXPECT_NEAR(bounds.back(), 20, 1e-12);
  for (std::size_t step = 0; step < heat_steps; ++step) {
    EXPECT_NEAR(bounds[step + 1] / bounds[step], std::pow(5, 1.0 / heat_steps), 1e-12);
    EXPECT_EQ(heat_step(std::sqrt(bounds[step] * bounds[step + 1]), *scale), step);
  }
  EXPECT_EQ(heat_step(0, *scale), 0u);
  EXPECT_EQ(heat_step(20, *scale), heat_steps - 1);
  EXPECT_EQ(heat_step(4, {4, 4}), 0u) << "all the same";
  EXPECT_FALSE(scale_of({}));
}

TEST(HeatMap, TheTableSaysAllThatTheColoursDo) {
  const HeatMap map = tensor_error_map(cell_with_tensors());
  const std::string table = heat_table(map, {1, 100}, {4, 20});
  EXPECT_THAT(table, HasSubstr("<th scope=\"row\">10</th>"));
  EXPECT_THAT(table, HasSubstr("<td class=\"a5 b8\" title=\"blk.2.attn_q.weight: 20.0 %, q4_0"));
  const std::string svg = render_heat_map(map, {4, 20}, Placement::standalone);
  EXPECT_THAT(svg, HasSubstr("class=\"h8 mark\"><title>blk.2.attn_q.weight"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(HeatMap, OfFilesHaveNamesThatFileSystemsTake) {
  Report report;
  report.cells = {cell_with_tensors(), cell_with_tensors()};
  report.cells[1].id = "other";
  report.cells[1].method = "../a b:c=1/<>";
  const std::vector<Drawing> drawings = render_tensor_errors(report);
  ASSERT_EQ(drawings.size(), 2u);
  EXPECT_EQ(drawings[0].name, "tensor_error/001_q4_0");
  EXPECT_EQ(drawings[1].name, "tensor_error/002_.._a_b_c_1___");
}

Sensitivity sample_sensitivity() {
  Sensitivity sensitivity;
  sensitivity.origin = {"0.1.0", "m<odel>", std::string(64, 'a'), "text", std::string(64, 'b'), "llamacpp-512", 4,
                        2,       "q4_k"};
  sensitivity.probe = "q4_k";
  const auto format = [](const char* id, std::uint64_t bytes, double kld) {
    FormatSensitivity made;
    made.format = id;
    made.bytes = bytes;
    made.diagonal_error = 0.01;
    made.kld = MeasuredDivergence{kld, kld / 2, kld * 2};
    return made;
  };
  sensitivity.tensors = {{"blk.0.attn_v.weight", 8, 256, {format("q6_k", 1680, 1e-6), format("q4_k", 1152, 1e-4)}},
                         {"blk.1.attn_v.weight", 8, 256, {format("q4_k", 1152, 3e-4)}},
                         {"token_embd.weight", 8, 256, {format("q4_k", 1152, 2e-2)}}};
  return sensitivity;
}

TEST(SensitivityDrawings, HaveEveryTensorAndFormat) {
  const HeatMap map = sensitivity_map(sample_sensitivity());
  EXPECT_THAT(map.columns, ElementsAre("q4_k", "q6_k")) << "fewest bits first";
  EXPECT_EQ(map.cells[0][1]->text, "1.00");
  EXPECT_FALSE(map.cells[1][1]);
  const std::vector<Drawing> drawings = render_sensitivity(sample_sensitivity());
  ASSERT_EQ(drawings.size(), 2u);
  EXPECT_THAT(drawings[0].svg,
              HasSubstr("blk.1.attn_v.weight in q4_k: KL divergence 0.0003 nats (95 %: 0.00015 to 0.0006)"));
  EXPECT_THAT(drawings[0].svg, HasSubstr(">no layer</text>"));
  EXPECT_THAT(drawings[0].svg, HasSubstr("m&lt;odel&gt;"));
}

TEST(PeakBars, OneDrawingForEachKindOfKernel) {
  Report report;
  const auto add = [&](const char* id, const char* shape, double percent) {
    ThroughputReport kernel;
    kernel.id = id;
    kernel.shape = shape;
    kernel.threads = 2;
    kernel.percent_of_peak = percent;
    kernel.peak = "read_bandwidth";
    kernel.seconds_median = 2e-3;
    kernel.seconds_p10 = 1e-3;
    kernel.seconds_p90 = 4e-3;
    report.kernels.push_back(kernel);
  };
  add("matvec/q4_0/avx2", "8x8x1", 50);
  add("matvec/q6_k/avx2", "8x8x1", 80);
  add("matvec/q4_0/avx2", "8x16x1", 60);
  add("matmul/q4_0/avx2", "8x8x8", 0);
  const std::vector<Drawing> drawings = render_peak_bars(report);
  ASSERT_EQ(drawings.size(), 1u) << "kernels without a peak have no bar";
  EXPECT_EQ(drawings[0].name, "percent_of_peak_matvec_2_threads");
  const std::string& svg = drawings[0].svg;
  EXPECT_LT(svg.find(">q6_k</text>"), svg.find(">q4_0</text>")) << "the nearest to the peak first";
  EXPECT_THAT(svg, HasSubstr("q4_0 8x16x1: 60.0 % of peak"));
}

}  // namespace
}  // namespace quantbench
