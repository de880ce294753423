// Measuring the speed of kernels on a CUDA device, and the rates of the device that bound it. docs/kernels_cuda.md explains the figures.
//
// Bytes and flops of a call are those of kernels/measure.h. Peaks are measured in the same run: copying in the memory of the device, and for
// products with many rows the dense bf16 product of the same shape by cuBLAS, which products in integers may exceed. A kernel whose results are not those of the CPU is not timed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernels/cuda/gpu_session.h"
#include "kernels/measure.h"

namespace quantbench {

struct GpuKernel {
  Op op = Op::decode;
  std::shared_ptr<const Format> format;

  /// op/format/cuda, as in "matvec/q4_0/cuda".
  std::string id() const;
};

/// Those of format_ids(). They exist without a device too; it takes a GpuSession to run them.
std::vector<GpuKernel> gpu_kernels();

/// Any format, listed or not. Throws Error when devices have no kernel for the op.
GpuKernel find_gpu_kernel(Op op, std::string_view format);

/// A kernel with its operands on the device, whose results are those of the CPU.
class CheckedGpuRun {
 public:
  /// Throws Error when the shape cannot be stored, or when results are wrong (gpu_check.h).
  CheckedGpuRun(GpuSession& session, const GpuKernel& kernel, const KernelShape& shape, const MeasureOptions& options);
  /// Seconds of a call: the mean over as many in a row as take `seconds_per_sample` of the options.
  double sample();
  /// Of the samples so far, medians; nothing when the driver did not say.
  std::optional<GpuClocks> clocks() const;

 private:
  std::unique_ptr<GpuRun> run_;
  std::vector<double> multiprocessor_megahertz_, memory_megahertz_;  // of each sample
  int calls_ = 1;
};

class GpuMeter {
 public:
  explicit GpuMeter(GpuSession& session, MeasureOptions options = {}) : session_(&session), options_(options) {}

  CheckedGpuRun prepare(const GpuKernel& kernel, const KernelShape& shape) {
    return {*session_, kernel, shape, options_};
  }
  /// Of samples in seconds each, at least one. Peaks are measured when they are first needed. `peak` is "copy_bandwidth" or
  /// "cublas_bf16".
  ThroughputResult result_of(const GpuKernel& kernel, const KernelShape& shape, std::vector<double> seconds);
  ThroughputResult measure(const GpuKernel& kernel, const KernelShape& shape);

 private:
  double copy_bandwidth();
  double dense_rate(const KernelShape& shape);

  GpuSession* session_;
  MeasureOptions options_;
  double copy_bytes_per_second_ = 0;
  std::map<std::string, double> dense_flops_per_second_;  // by shape
};

}  // namespace quantbench
