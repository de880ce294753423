// Measuring the speed of kernels, and the peaks of the machine that bound it. docs/kernels.md explains the figures.
//
// bytes   what a call must move, each once: encode and decode the packed weights and the f32 ones; matvec and
//         matmul the packed weights, the activations and the outputs. Weights that were repacked count as before.
// flops   2 x outputs x inputs x batch for matvec and matmul; 0 for encode and decode.
// peak    the one of the two that makes the longer time: bytes / read bandwidth or flops / multiply-add rate, which is that
//         of bytes for products in integers and else of f32. A kernel at 100 % takes exactly that time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/large_pages.h"
#include "kernels/cuda/gpu_clocks.h"
#include "kernels/kernel.h"
#include "kernels/peaks.h"

namespace quantbench {

struct MeasureOptions {
  /// Timed samples of a kernel, and the least time each lasts: short calls are repeated within a sample.
  int samples = 15;
  double seconds_per_sample = 0.002;
  /// Cold: successive calls read different copies of the packed weights (encode: of the f32 weights), together at least
  /// `rotation_bytes`, so that a call finds none of them in a cache. Warm: the same copy each time.
  bool cold = true;
  /// 0: default_rotation_bytes().
  std::size_t rotation_bytes = 0;
};

/// Work of one call, by the definitions above.
struct KernelWork {
  double bytes = 0;
  double flops = 0;
};
KernelWork work_of(const Kernel& kernel, const KernelShape& shape);

/// What repacking the weights took.
struct Repacking {
  double seconds = 0;  // of one thread, once
  double bytes = 0;    // of the weights afterwards
};

struct ThroughputResult {
  std::string id;       // Kernel::id
  std::string device;   // "cpu"
  std::string shape;    // "4096x4096x1"
  std::string variant;  // "generic", "tuned" or "repacked"
  int threads = 1;
  double seconds_median = 0, seconds_p10 = 0, seconds_p90 = 0;  // of one call
  double bytes = 0, flops = 0;                                  // of one call
  double bytes_per_second = 0, flops_per_second = 0;            // at the median
  double percent_of_peak = 0;
  std::string peak;  // "read_bandwidth", "f32_fma", "int8_dot" or "bf16_dot"
  /// matvec of all kinds, cold: the median time of reading the packed weights and doing nothing else, over the median of a
  /// call; the two take turns, so what disturbs one disturbs the other.
  std::optional<double> percent_of_reading;
  std::optional<Repacking> repacking;  // matvec_repacked
  std::optional<GpuClocks> clocks;     // CUDA devices: while the calls ran, medians
};

/// The result of timed calls, in seconds each (at least one). Quantiles are interpolated linearly between ranks.
/// `reading`: seconds of reading the packed weights beside each; may be empty.
ThroughputResult summarize(const Kernel& kernel, const KernelShape& shape, const Peaks& peaks,
                           std::vector<double> seconds, std::vector<double> reading = {});

/// Copies of one input, taken in turn, so that none is found in a cache when its turn comes again.
class RotatingCopies {
 public:
  /// Holds at least two copies of `input` or, when there shall be only one, one; together `total_bytes` or a little
  /// more.
  void fill(std::span<const std::byte> input, std::size_t total_bytes, bool only_one);
  std::span<const std::byte> next();

 private:
  LargePages<std::byte> storage_;  // kept from one input to the next: getting a gigabyte from the system takes long
  std::size_t bytes_ = 0, stride_ = 0, copies_ = 0, turn_ = 0;
};

/// One kernel with its operands, ready to be called. Inputs are pseudo-random, the same in each run.
class KernelRun {
 public:
  /// `copies` is filled here and belongs to this run until the next is made. Throws Error when the shape cannot be
  /// stored in the kernel's format.
  KernelRun(const Kernel& kernel, const KernelShape& shape, const MeasureOptions& options, RotatingCopies& copies);
  /// Runs the kernel once, on the next copy of its input, and returns the seconds that it took.
  double call(int threads);
  /// Whether percent_of_reading is measured.
  bool is_beside_reading() const;
  /// Reads as many bytes of the next copy of its input as the packed weights have and returns the seconds that it took.
  double read(int threads);
  std::optional<Repacking> repacking() const { return repacking_; }

 private:
  void fill_with(const TensorData& packed, std::size_t rotation_bytes);

  Kernel kernel_;
  RotatingCopies* copies_;
  KernelShape shape_;
  bool cold_;
  std::optional<Repacking> repacking_;
  TensorData encoded_;              // encode: output
  std::vector<float> importance_;   // encode with the solver search: (inputs)
  std::vector<float> activations_;  // matvec, matmul: (batch, inputs)
  std::vector<float> out_;          // decode: (outputs, inputs); matvec, matmul: (batch, outputs)
};

/// Measures kernels, and the peaks once for each thread count, in the same run.
class ThroughputMeter {
 public:
  explicit ThroughputMeter(MeasureOptions options = {}) : options_(options) {}
  const MeasureOptions& options() const { return options_; }
  const Peaks& peaks(int threads);
  /// The kernel made ready; at most one at a time.
  KernelRun prepare(const Kernel& kernel, const KernelShape& shape) { return {kernel, shape, options_, copies_}; }
  ThroughputResult measure(const Kernel& kernel, const KernelShape& shape, int threads);

 private:
  MeasureOptions options_;
  std::map<int, Peaks> peaks_;
  RotatingCopies copies_;
};

}  // namespace quantbench
