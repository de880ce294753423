#include "kernels/cuda/gpu_measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/cuda/gpu_benchmarks.h"
#include "kernels/cuda/w4_repack.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

/// A device that is the CPU, whose calls take as long as it is told.
class PretendedSession : public GpuSession {
 public:
  const GpuDevice& device() const override { return device_; }

  std::vector<float> run(Op op, const Tensor& weights, const MatrixView& x) override {
    std::vector<float> out(is_product(op) ? x.rows * weights.rows : weights.weights());
    if (op == Op::decode)
      decode_rows(weights, 0, weights.rows, out, 1, Isa::scalar);
    else
      matvec({&weights, x.values.data(), x.cols, out.data(), weights.rows, x.rows}, 1, Isa::scalar);
    out.back() += error;
    return out;
  }

  std::unique_ptr<GpuRun> prepare(Op, const Tensor&, const MatrixView&, std::size_t rotation_bytes) override {
    rotation = rotation_bytes;
    return std::make_unique<Run>(*this);
  }
  double copy_bytes_per_second(std::size_t, int) override { return ++peaks_measured, 1e12; }
  double dense_bf16_flops_per_second(const KernelShape&, int) override { return ++peaks_measured, 1e14; }

  float error = 0;
  double seconds_of_call = 1e-4;
  bool tells_clocks = true;
  std::vector<int> counts;
  std::size_t rotation = 0;
  int peaks_measured = 0;

 private:
  struct Run : GpuRun {
    explicit Run(PretendedSession& session_) : session(&session_) {}
    double seconds_of_call(int count) override {
      session->counts.push_back(count);
      return session->seconds_of_call;
    }
    std::optional<GpuClocks> clocks() const override {
      if (session->counts.empty() || !session->tells_clocks) return std::nullopt;
      return GpuClocks{1000.0 + static_cast<double>(session->counts.size()), 2619};
    }
    PretendedSession* session;
  };
  GpuDevice device_{.name = "pretended", .cache_bytes = std::size_t{100} << 20};
};

TEST(DeviceMeter, FiguresAreThoseOfTheTimesAndThePeaks) {
  PretendedSession session;
  GpuMeter meter(session, {.samples = 3, .seconds_per_sample = 0.002});
  const ThroughputResult result = meter.measure(find_gpu_kernel(Op::matvec, "q8_0"), {64, 1024, 2});
  EXPECT_EQ(result.id, "matvec/q8_0/cuda");
  EXPECT_EQ(result.device, "pretended");
  EXPECT_EQ(result.shape, "64x1024x2");
  EXPECT_EQ(result.bytes, 64 * 1024 / 32 * 34 + 2 * (64 + 1024) * 4);
  EXPECT_DOUBLE_EQ(result.bytes_per_second, result.bytes / 1e-4);
  EXPECT_EQ(result.peak, "copy_bandwidth");
  EXPECT_DOUBLE_EQ(result.percent_of_peak, 100 * result.bytes / 1e12 / 1e-4);
  EXPECT_EQ(session.counts, (std::vector<int>{5, 20, 20, 20})) << "warm-up, then samples of 2 ms";
  EXPECT_EQ(session.rotation, std::size_t{400} << 20) << "four times the cache";
  ASSERT_TRUE(result.clocks.has_value());
  EXPECT_EQ(result.clocks->multiprocessor_megahertz, 1003) << "the median of 1002 to 1004, those of the samples";
  EXPECT_EQ(result.clocks->memory_megahertz, 2619);
  session.tells_clocks = false;
  EXPECT_FALSE(meter.measure(find_gpu_kernel(Op::matvec, "q8_0"), {64, 1024, 2}).clocks.has_value());
}

TEST(DeviceMeter, ManyRowsAreHeldToCublasAndPeaksAreMeasuredOnce) {
  PretendedSession session;
  GpuMeter meter(session, {.samples = 1});
  const GpuKernel kernel = find_gpu_kernel(Op::matmul_bf16, "f16");
  const KernelShape shape{512, 512, 512};
  const ThroughputResult result = meter.result_of(kernel, shape, {1e-5});
  EXPECT_EQ(result.peak, "cublas_bf16");
  EXPECT_DOUBLE_EQ(result.percent_of_peak, 100 * 2.0 * 512 * 512 * 512 / 1e14 / 1e-5);
  meter.result_of(kernel, shape, {1e-5});
  EXPECT_EQ(session.peaks_measured, 2);
  const GpuKernel repacked = find_gpu_kernel(Op::matmul_w4a16, "int4:g128");
  EXPECT_EQ(meter.result_of(repacked, shape, {1e-5}).peak, "cublas_bf16");
  const ThroughputResult few = meter.result_of(repacked, {512, 512, 8}, {1e-5});
  EXPECT_EQ(few.peak, "copy_bandwidth") << "few rows are not held to what cuBLAS makes of them";
  EXPECT_EQ(few.variant, "repacked");
}

TEST(DeviceMeter, AKernelWithWrongResultsIsNotTimed) {
  for (const Op op : {Op::decode, Op::matvec}) {
    PretendedSession session;
    session.error = 0.5f;
    GpuMeter meter(session);
    EXPECT_THROW(meter.measure(find_gpu_kernel(op, "q4_0"), {64, 64, 1}), Error) << to_string(op);
    EXPECT_TRUE(session.counts.empty()) << to_string(op);
  }
}

TEST(DeviceMeter, WarmCallsHaveOneCopyOfTheWeights) {
  PretendedSession session;
  GpuMeter(session, {.cold = false}).prepare(find_gpu_kernel(Op::decode, "q4_0"), {64, 64, 1});
  EXPECT_EQ(session.rotation, 0u);
}

TEST(DeviceBenchmarks, CasesThatMatchAreMeasuredAndAWrongOneIsAnError) {
  PretendedSession session;
  BenchmarkPlan plan;
  plan.matrices = {{64, 64, 1}};
  const std::vector<std::string> flags{"--benchmark_filter=^matvec/q4_0/cuda/", "--benchmark_min_time=0.001"};
  const std::vector<ThroughputResult> results = run_gpu_benchmarks(session, flags, plan);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].id, "matvec/q4_0/cuda");
  EXPECT_EQ(results[0].shape, "64x64x1");
  EXPECT_EQ(results[1].shape, "64x64x8");
  EXPECT_DOUBLE_EQ(results[1].seconds_median, session.seconds_of_call);
  session.error = 0.5f;
  EXPECT_THROW(run_gpu_benchmarks(session, flags, plan), Error);
  EXPECT_THROW(run_gpu_benchmarks(session, {"--benchmark_filter=^no_such"}, plan), Error);
}

TEST(DeviceMeter, EveryFormatHasEveryOpOnceUnderItsOwnId) {
  std::set<std::string> ids;
  for (const GpuKernel& kernel : gpu_kernels()) EXPECT_TRUE(ids.insert(kernel.id()).second) << kernel.id();
  const auto in_integers =
      std::ranges::count_if(format_ids(), [](const std::string& id) { return has_int8_kernels(*find_format(id)); });
  const auto four_bits =
      std::ranges::count_if(format_ids(), [](const std::string& id) { return has_w4_kernels(*find_format(id)); });
  EXPECT_EQ(ids.size(), 3 * format_ids().size() + static_cast<std::size_t>(in_integers + four_bits));
  EXPECT_TRUE(ids.contains("matmul_bf16/q4_k/cuda"));
  EXPECT_EQ(find_gpu_kernel(Op::matvec, "int3:g48:sym").id(), "matvec/int3:g48:sym/cuda");
  EXPECT_THROW(find_gpu_kernel(Op::matvec_int8, "q4_0"), Error);
  EXPECT_EQ(find_gpu_kernel(Op::matmul_int8, "q4_0").id(), "matmul_int8/q4_0/cuda");
  EXPECT_THROW(find_gpu_kernel(Op::matmul_int8, "nf4:g64"), Error);
}

}  // namespace
}  // namespace quantbench
