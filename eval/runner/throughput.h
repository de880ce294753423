// Throughput of the kernels as part of a run.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "eval/config/config.h"
#include "eval/runner/runner.h"
#include "kernels/cuda/gpu_measure.h"
#include "kernels/measure.h"

namespace quantbench {

struct ThroughputRequest {
  std::variant<Kernel, GpuKernel> kernel;
  KernelShape shape;
  int threads = 1;
  std::string
      id;  // in the store: a hash of kernel, shape, threads, this machine's CPU or GPU and the version of quantbench
};

/// What the config asks for; empty when throughput is not among its metrics. A CUDA device that is not there is left out and told
/// to `events`. Throws Error for a format that has no kernel or cannot store a shape, and when that device was all that was asked for.
std::vector<ThroughputRequest> throughput_requests(const Config& config, const RunEvents& events);

/// As reports state it.
ThroughputReport report_of(const ThroughputResult& result);

/// Measures what the store does not hold yet. `header` is the report that stored measurements carry.
std::vector<ThroughputReport> run_throughput(const std::vector<ThroughputRequest>& requests, const Report& header,
                                             const ResultStore& store, const RunOptions& options);

}  // namespace quantbench
