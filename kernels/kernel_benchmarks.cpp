#include "kernels/kernel_benchmarks.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"

namespace quantbench {
namespace {

struct Case {
  Kernel kernel;
  KernelShape shape;
  int threads;

  std::string name() const { return fmt::format("{}/{}/threads:{}", kernel.id(), to_string(shape), threads); }
};

/// Google Benchmark calls a case several times until it has run long enough; its operands are made only once, and its
/// figures are those of the last call.
class CaseRunner {
 public:
  explicit CaseRunner(const MeasureOptions& options) : meter_(options) {}

  void run(benchmark::State& state, const Case& each) {
    prepare(each);
    const Peaks& peaks = meter_.peaks(each.threads);
    std::vector<double> seconds, reading;
    for ([[maybe_unused]] auto _ : state) {
      if (prepared_->is_beside_reading()) reading.push_back(prepared_->read(each.threads));
      seconds.push_back(prepared_->call(each.threads));
      state.SetIterationTime(seconds.back());
    }
    ThroughputResult result = summarize(each.kernel, each.shape, peaks, std::move(seconds), std::move(reading));
    result.repacking = prepared_->repacking();
    state.SetBytesProcessed(static_cast<std::int64_t>(result.bytes) * state.iterations());
    if (result.flops > 0)
      state.counters["flops"] = benchmark::Counter(result.flops, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["percent_of_peak"] = result.percent_of_peak;
    if (result.percent_of_reading) state.counters["percent_of_reading"] = *result.percent_of_reading;
    if (result.repacking) state.counters["repacking_seconds"] = result.repacking->seconds;
    state.SetLabel(fmt::format("{}, peak: {}", result.variant, result.peak));
    results_.back() = result;
  }

  std::vector<ThroughputResult> take_results() { return std::move(results_); }

 private:
  void prepare(const Case& each) {
    if (prepared_name_ == each.name()) return;
    prepared_.emplace(meter_.prepare(each.kernel, each.shape));
    prepared_->call(each.threads);
    prepared_name_ = each.name();
    results_.emplace_back();
  }

  ThroughputMeter meter_;
  std::string prepared_name_;
  std::optional<KernelRun> prepared_;
  std::vector<ThroughputResult> results_;
};

/// The solver search takes its time: a few rows tell as much. Zero: as many as the matrix has.
std::size_t most_outputs(const Kernel& kernel) {
  if (kernel.effort.empty()) return 0;
  return kernel.effort == "best" ? 1 : 32;
}

std::vector<Case> all_cases(const BenchmarkPlan& plan) {
  std::vector<Case> cases;
  for (const Kernel& kernel : kernels())
    for (const KernelShape& matrix : plan.matrices)
      for (const std::size_t batch : plan.batches_of(kernel.op))
        for (const int threads : plan.threads)
          if (matrix.inputs % kernel.format->block == 0) {
            const std::size_t most = most_outputs(kernel);
            const std::size_t outputs = most == 0 ? matrix.outputs : std::min(most, matrix.outputs);
            cases.push_back({kernel, {outputs, matrix.inputs, batch}, threads});
          }
  return cases;
}

/// Google Benchmark keeps the registered cases in a global list; it is empty before and after.
class RegisteredCases {
 public:
  explicit RegisteredCases(const std::vector<NamedBenchmark>& cases) {
    for (const NamedBenchmark& each : cases) benchmark::RegisterBenchmark(each.name.c_str(), each.run)->UseManualTime();
  }
  ~RegisteredCases() { benchmark::ClearRegisteredBenchmarks(); }
  RegisteredCases(const RegisteredCases&) = delete;
  RegisteredCases& operator=(const RegisteredCases&) = delete;
};

void initialize(const std::vector<std::string>& flags) {
  static char program[] = "quantbench kernels";  // Google Benchmark keeps the pointer
  std::vector<std::string> arguments = flags;
  std::vector<char*> pointers{program};
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (count > 1) fail("'{}' is not a flag of Google Benchmark; --help lists them", pointers[1]);
}

}  // namespace

std::vector<std::size_t> BenchmarkPlan::batches_of(Op op) const {
  if (!is_product(op)) return {1};
  if (op == Op::matmul_w4a16) {  // for few rows and for many
    std::vector<std::size_t> all = matvec_batches;
    for (const std::size_t batch : matmul_batches)
      if (std::ranges::find(all, batch) == all.end()) all.push_back(batch);
    return all;
  }
  return is_matvec(op) ? matvec_batches : matmul_batches;
}

void run_benchmarks(const std::vector<std::string>& google_benchmark_flags, const std::vector<NamedBenchmark>& cases) {
  initialize(google_benchmark_flags);
  const RegisteredCases registered(cases);
  // Named, since Google Benchmark 1.7 deletes the default reporter of the first run and uses it in the second.
  if (benchmark::RunSpecifiedBenchmarks(benchmark::CreateDefaultDisplayReporter()) == 0)
    fail("no kernel benchmark matches --benchmark_filter");
}

std::vector<ThroughputResult> run_kernel_benchmarks(const std::vector<std::string>& google_benchmark_flags,
                                                    const BenchmarkPlan& plan) {
  CaseRunner runner(plan.options);
  run_benchmarks(google_benchmark_flags, named_benchmarks(runner, all_cases(plan)));
  return runner.take_results();
}

}  // namespace quantbench
