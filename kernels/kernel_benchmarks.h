// The Google Benchmark program of all kernels, as a function: `quantbench kernels` runs it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/measure.h"

namespace benchmark {
class State;
}

namespace quantbench {

/// What each kernel is run on. Cases are named op/format/isa/OUTPUTSxINPUTSxBATCH/threads:N, for --benchmark_filter.
struct BenchmarkPlan {
  std::vector<KernelShape> matrices{{4096, 4096, 1}};  // the batch is not used
  std::vector<std::size_t> matvec_batches{1, 8};
  std::vector<std::size_t> matmul_batches{128, 256};
  std::vector<int> threads{1};
  MeasureOptions options;

  /// 1 for what does not multiply.
  std::vector<std::size_t> batches_of(Op op) const;
};

/// A case of Google Benchmark, which says itself how long its iterations took.
struct NamedBenchmark {
  std::string name;
  std::function<void(benchmark::State&)> run;
};

/// Of cases that have a name(); runner.run(state, case) measures one. The runner outlives them.
template <class Runner, class Case>
std::vector<NamedBenchmark> named_benchmarks(Runner& runner, const std::vector<Case>& cases) {
  std::vector<NamedBenchmark> benchmarks;
  for (const Case& each : cases)
    benchmarks.push_back({each.name(), [&runner, each](benchmark::State& state) { runner.run(state, each); }});
  return benchmarks;
}

/// Runs those that the flags choose. Throws Error for a flag that Google Benchmark does not know and when no case matches the filter.
void run_benchmarks(const std::vector<std::string>& google_benchmark_flags, const std::vector<NamedBenchmark>& cases);

/// One case for every kernel of kernels(), matrix and thread count; matrices that a format cannot store are left out.
/// The flags are those of Google Benchmark (--benchmark_filter=REGEX, --benchmark_min_time=SECONDS, ...); it prints its
/// table as they say. Returns the results of the cases that ran, in that order. Throws Error for a flag that it does
/// not know and when no case matches the filter.
std::vector<ThroughputResult> run_kernel_benchmarks(const std::vector<std::string>& google_benchmark_flags,
                                                    const BenchmarkPlan& plan = {});

}  // namespace quantbench
