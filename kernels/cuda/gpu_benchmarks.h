// The Google Benchmark program of the kernels of a CUDA device, as a function: `quantbench kernels --device cuda` runs it.
#pragma once

#include <string>
#include <vector>

#include "kernels/cuda/gpu_measure.h"
#include "kernels/kernel_benchmarks.h"

namespace quantbench {

/// As run_kernel_benchmarks, on a device; threads of the plan are not used. Cases are named op/format/cuda/OUTPUTSxINPUTSxBATCH.
/// Throws Error also when a kernel gives wrong results.
std::vector<ThroughputResult> run_gpu_benchmarks(GpuSession& session,
                                                 const std::vector<std::string>& google_benchmark_flags,
                                                 const BenchmarkPlan& plan = {});

}  // namespace quantbench
