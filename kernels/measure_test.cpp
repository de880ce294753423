#include "kernels/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "kernels/kernel_benchmarks.h"

namespace quantbench {
namespace {

MeasureOptions small() {
  MeasureOptions options;
  options.samples = 3;
  options.seconds_per_sample = 0;
  options.rotation_bytes = 1 << 16;
  return options;
}

TEST(WorkOf, CountsWhatACallMustMove) {
  // q4_0: 18 bytes for 32 weights, so 64 x 128 weights are 4608 bytes.
  const Kernel matvec = find_kernel(Op::matvec, "q4_0", Isa::scalar);
  EXPECT_EQ(work_of(matvec, {64, 128, 3}).bytes, 4608 + 3 * 128 * 4 + 3 * 64 * 4);
  EXPECT_EQ(work_of(matvec, {64, 128, 3}).flops, 2 * 64 * 128 * 3);
  const Kernel decode = find_kernel(Op::decode, "q4_0", Isa::scalar);
  EXPECT_EQ(work_of(decode, {64, 128, 1}).bytes, 4608 + 64 * 128 * 4);
  EXPECT_EQ(work_of(decode, {64, 128, 1}).flops, 0);
}

TEST(Summarize, QuantilesRatesAndPercentOfTheBoundingPeak) {
  const Kernel matvec = find_kernel(Op::matvec, "f32", Isa::scalar);
  const KernelShape shape{100, 50, 1};  // 20600 bytes, 10000 flops
  Peaks peaks;
  peaks.threads = 2;
  peaks.read_bytes_per_second = 20600;  // one second to read, half a second to multiply
  peaks.flops_per_second = 20000;
  const ThroughputResult result = summarize(matvec, shape, peaks, {5, 2, 3, 4, 6});
  EXPECT_EQ(result.id, "matvec/f32/scalar");
  EXPECT_EQ(result.shape, "100x50x1");
  EXPECT_EQ(result.threads, 2);
  EXPECT_DOUBLE_EQ(result.seconds_median, 4);
  EXPECT_DOUBLE_EQ(result.seconds_p10, 2.4);
  EXPECT_DOUBLE_EQ(result.seconds_p90, 5.6);
  EXPECT_DOUBLE_EQ(result.bytes_per_second, 5150);
  EXPECT_DOUBLE_EQ(result.flops_per_second, 2500);
  EXPECT_EQ(result.peak, "read_bandwidth");
  EXPECT_DOUBLE_EQ(result.percent_of_peak, 25);
  peaks.flops_per_second = 5000;  // two seconds to multiply
  EXPECT_EQ(summarize(matvec, shape, peaks, {4}).peak, "f32_fma");
  EXPECT_DOUBLE_EQ(summarize(matvec, shape, peaks, {4}).percent_of_peak, 50);
}

TEST(Summarize, ProductsInIntegersAreBoundByThePeakOfIntegers) {
  const Kernel matmul = find_kernel(Op::matmul_int8, "q4_0", Isa::scalar);
  Peaks peaks;
  peaks.read_bytes_per_second = 1e12;
  peaks.flops_per_second = 1;
  peaks.int8_ops_per_second = 2 * 64 * 128 * 4;  // one second for a batch of four
  const ThroughputResult result = summarize(matmul, {64, 128, 4}, peaks, {2});
  EXPECT_EQ(result.peak, "int8_dot");
  EXPECT_DOUBLE_EQ(result.percent_of_peak, 50);
}

TEST(Summarize, ReadingBesideIsComparedByMedians) {
  const Kernel matvec = find_kernel(Op::matvec, "f32", Isa::scalar);
  Peaks peaks;
  peaks.read_bytes_per_second = peaks.flops_per_second = 1;
  EXPECT_FALSE(summarize(matvec, {100, 50, 1}, peaks, {4}).percent_of_reading);
  EXPECT_DOUBLE_EQ(*summarize(matvec, {100, 50, 1}, peaks, {2, 4, 99}, {9, 3, 1}).percent_of_reading, 75);
}

TEST(Summarize, ProductsInBf16AreBoundByThePeakOfBf16) {
  Peaks peaks;
  peaks.read_bytes_per_second = 1e12;
  peaks.flops_per_second = peaks.int8_ops_per_second = 1;
  peaks.bf16_flops_per_second = 2 * 64 * 128 * 4;
  const ThroughputResult result =
      summarize(find_kernel(Op::matmul_bf16, "q4_0", Isa::scalar), {64, 128, 4}, peaks, {4});
  EXPECT_EQ(result.peak, "bf16_dot");
  EXPECT_DOUBLE_EQ(result.percent_of_peak, 25);
}

TEST(RotatingCopies, TakesEqualCopiesInTurnThatTogetherPassTheSize) {
  const std::vector<float> input(100, 1.5f);
  const auto bytes = std::as_bytes(std::span(input));
  RotatingCopies copies;
  copies.fill(bytes, 2000, false);  // 448 bytes each with padding: five copies
  std::set<const std::byte*> places;
  for (int turn = 0; turn < 10; ++turn) {
    const auto copy = copies.next();
    places.insert(copy.data());
    EXPECT_TRUE(std::equal(copy.begin(), copy.end(), bytes.begin(), bytes.end()));
  }
  EXPECT_EQ(places.size(), 5u);
  copies.fill(bytes, 2000, true);
  EXPECT_EQ(copies.next().data(), copies.next().data());
}

TEST(Peaks, ArePositiveAndTheBufferIsPastTheCacheOrAtTheLimit) {
  const Peaks peaks = measure_peaks(2, 1 << 20);
  EXPECT_GT(peaks.read_bytes_per_second, 0);
  EXPECT_GT(peaks.flops_per_second, 0);
  EXPECT_GT(peaks.int8_ops_per_second, 0);
  EXPECT_GT(peaks.bf16_flops_per_second, 0);
  EXPECT_EQ(peaks.threads, 2);
  const std::size_t cache = last_level_cache_bytes(), rotation = default_rotation_bytes();
  EXPECT_TRUE(rotation >= 2 * cache || rotation == std::size_t{1} << 30) << cache << " " << rotation;
}

TEST(ThroughputMeter, MeasuresEveryOp) {
  ThroughputMeter meter(small());
  for (const Op op : {Op::encode, Op::decode, Op::matvec, Op::matmul})
    for (const char* format : {"q4_0", "int3:tensor", "f16"}) {
      const ThroughputResult result = meter.measure(find_kernel(op, format, Isa::scalar), {8, 64, 2}, 1);
      EXPECT_LE(result.seconds_p10, result.seconds_median);
      EXPECT_LE(result.seconds_median, result.seconds_p90);
      EXPECT_GT(result.percent_of_peak, 0);
      EXPECT_EQ(result.percent_of_reading.has_value(), op == Op::matvec);
    }
  EXPECT_EQ(&meter.peaks(1), &meter.peaks(1));
}

TEST(KernelBenchmarks, RunTheCasesThatTheFilterNames) {
  BenchmarkPlan plan;
  plan.matrices = {{8, 64, 1}, {8, 50, 1}};  // 50 columns: integer formats only
  plan.threads = {1, 2};
  plan.options = small();
  testing::internal::CaptureStdout();
  const auto results =
      run_kernel_benchmarks({"--benchmark_filter=^decode/(q4_0|int4:row)/scalar", "--benchmark_min_time=0"}, plan);
  const std::string printed = testing::internal::GetCapturedStdout();
  std::vector<std::string> names;
  for (const ThroughputResult& result : results)
    names.push_back(fmt::format("{}/{}/{}", result.id, result.shape, result.threads));
  EXPECT_THAT(names, testing::ElementsAre("decode/q4_0/scalar/8x64x1/1", "decode/q4_0/scalar/8x64x1/2",
                                          "decode/int4:row/scalar/8x64x1/1", "decode/int4:row/scalar/8x64x1/2",
                                          "decode/int4:row/scalar/8x50x1/1", "decode/int4:row/scalar/8x50x1/2"));
  EXPECT_THAT(printed, testing::HasSubstr("percent_of_peak"));
}

TEST(KernelBenchmarks, AnUnknownFlagIsAnError) { EXPECT_THROW(run_kernel_benchmarks({"--frobnicate"}, {}), Error); }

}  // namespace
}  // namespace quantbench
