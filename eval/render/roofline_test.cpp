#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "eval/render/render.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::Not;

ThroughputReport product(const std::string& id, int threads, double bytes_per_second, double flops_per_second,
                         double percent_of_peak, const std::string& peak) {
  ThroughputReport kernel;
  kernel.id = id;
  kernel.shape = "4096x4096x1";
  kernel.threads = threads;
  kernel.bytes_per_second = bytes_per_second;
  kernel.flops_per_second = flops_per_second;
  kernel.percent_of_peak = percent_of_peak;
  kernel.peak = peak;
  return kernel;
}

Report report_with_products() {
  Report report;
  report.environment.cpu = "A CPU & more";
  report.kernels = {product("matvec_int8/q4_k/avx2", 2, 8e9, 28e9, 80, "read_bandwidth"),
                    product("matmul_int8/q4_k/avx2", 2, 1e9, 300e9, 60, "int8_dot"),
                    product("matvec_int8/q6_k/avx2", 1, 1e9, 2e9, 10, "read_bandwidth")};
  return report;
}

TEST(Roofline, RoofsAreThePeaksBehindThePercentages) {
  const std::string picture = render_roofline(report_with_products());
  EXPECT_THAT(picture, HasSubstr("memory 10.0 GB/s"));
  EXPECT_THAT(picture, HasSubstr("multiply-adds of bytes 500 GOP/s"));
  EXPECT_THAT(picture, HasSubstr("2 threads"));
  EXPECT_THAT(picture, HasSubstr("A CPU &amp; more"));
  EXPECT_THAT(picture, Not(HasSubstr("q6_k"))) << "of fewer threads";
}

TEST(Roofline, PointsStandUnderTheirRoofs) {
  const std::string picture = render_roofline(report_with_products());
  EXPECT_THAT(picture, HasSubstr("matvec_int8/q4_k/avx2 4096x4096x1: 28.0 GOP/s, 8.0 GB/s, 80 % of read_bandwidth"));
  EXPECT_THAT(picture, HasSubstr("matmul_int8/q4_k/avx2 4096x4096x1: 300.0 GOP/s, 1.0 GB/s, 60 % of int8_dot"));
}

TEST(Roofline, BothAxesHaveNumbersAndOfSeveralShapesOneIsNamed) {
  Report report = report_with_products();
  report.kernels.push_back(report.kernels[1]);
  report.kernels.back().shape = "4096x11008x1";
  const std::string picture = render_roofline(report);
  EXPECT_THAT(picture, HasSubstr(">100</text>")) << "GOP/s";
  EXPECT_THAT(picture, HasSubstr(">30</text>"));
  std::size_t names = 0;
  for (std::size_t at = 0; (at = picture.find(">q4_k</text>", at)) != std::string::npos; ++at) ++names;
  EXPECT_EQ(names, 2u) << "one of each op";
}

TEST(Roofline, NeedsTwoProducts) {
  Report report = report_with_products();
  report.kernels.resize(1);
  EXPECT_FALSE(can_draw_roofline(report));
  EXPECT_THROW(static_cast<void>(render_roofline(report)), Error);
  report.kernels.push_back(product("decode/q4_k/avx2", 2, 8e9, 0, 80, "read_bandwidth"));
  EXPECT_FALSE(can_draw_roofline(report));
}

}  // namespace
}  // namespace quantbench
