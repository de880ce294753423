#include "kernels/cuda/gpu_benchmarks.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <optional>

#include "core/error.h"

namespace quantbench {
namespace {

struct Case {
  GpuKernel kernel;
  KernelShape shape;

  std::string name() const { return fmt::format("{}/{}", kernel.id(), to_string(shape)); }
};

/// Google Benchmark calls a case several times until it has run long enough; its operands are made and checked only once, and its
/// figures are those of the last call. It cannot be left by an exception: a failure is kept.
class CaseRunner {
 public:
  CaseRunner(GpuSession& session, const MeasureOptions& options) : meter_(session, options) {}

  void run(benchmark::State& state, const Case& each) {
    try {
      measure(state, each);
    } catch (const Error& error) {
      if (failure_.empty()) failure_ = fmt::format("{}: {}", each.name(), error.what());
      state.SkipWithError(error.what());
    }
  }

  std::vector<ThroughputResult> take_results() {
    if (!failure_.empty()) fail("{}", failure_);
    return std::move(results_);
  }

 private:
  void measure(benchmark::State& state, const Case& each) {
    prepare(each);
    std::vector<double> seconds;
    for ([[maybe_unused]] auto _ : state) {
      seconds.push_back(prepared_->sample());
      state.SetIterationTime(seconds.back());
    }
    ThroughputResult result = meter_.result_of(each.kernel, each.shape, std::move(seconds));
    result.clocks = prepared_->clocks();
    state.SetBytesProcessed(static_cast<std::int64_t>(result.bytes) * state.iterations());
    if (result.flops > 0)
      state.counters["flops"] = benchmark::Counter(result.flops, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["percent_of_peak"] = result.percent_of_peak;
    state.SetLabel(fmt::format("{}, peak: {}", result.variant, result.peak));
    results_.back() = result;
  }

  void prepare(const Case& each) {
    if (prepared_name_ == each.name()) return;
    prepared_.reset();  // before the next takes memory
    prepared_.emplace(meter_.prepare(each.kernel, each.shape));
    prepared_name_ = each.name();
    results_.emplace_back();
  }

  GpuMeter meter_;
  std::string prepared_name_, failure_;
  std::optional<CheckedGpuRun> prepared_;
  std::vector<ThroughputResult> results_;
};

std::vector<Case> all_cases(const BenchmarkPlan& plan) {
  std::vector<Case> cases;
  for (const GpuKernel& kernel : gpu_kernels())
    for (const KernelShape& matrix : plan.matrices)
      for (const std::size_t batch : plan.batches_of(kernel.op))
        if (matrix.inputs % kernel.format->block == 0)
          cases.push_back({kernel, {matrix.outputs, matrix.inputs, batch}});
  return cases;
}

}  // namespace

std::vector<ThroughputResult> run_gpu_benchmarks(GpuSession& session,
                                                 const std::vector<std::string>& google_benchmark_flags,
                                                 const BenchmarkPlan& plan) {
  CaseRunner runner(session, plan.options);
  run_benchmarks(google_benchmark_flags, named_benchmarks(runner, all_cases(plan)));
  return runner.take_results();
}

}  // namespace quantbench
