// Kernels on a CUDA device, as tests and measurements use them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "kernels/cuda/gpu_clocks.h"
#include "kernels/cuda/gpu_devices.h"
#include "kernels/kernel.h"

namespace quantbench {

/// decode, matvec and matmul_bf16 of every format, matmul_int8 and matmul_w4a16; other ops have no kernel for devices.
bool runs_on_gpu(Op op);
/// matmul_int8 is of formats that have it on the CPU (kernels/cpu/int8_kernels.h), with the same rounding; matmul_w4a16 of those in
/// w4_repack.h, which are repacked before.
bool runs_on_gpu(Op op, const Format& format);

/// A kernel made ready to be timed. Its weights are there many times, and calls take the copies in turn.
class GpuRun {
 public:
  virtual ~GpuRun() = default;
  /// Calls it `count` times in a row and returns the seconds of the device between two events, over `count`.
  virtual double seconds_of_call(int count) = 0;
  /// While the last of these calls ran; nothing when the driver does not say.
  virtual std::optional<GpuClocks> clocks() const = 0;
};

class GpuSession {
 public:
  virtual ~GpuSession() = default;
  virtual const GpuDevice& device() const = 0;

  /// The result on the device: decode (rows, cols), products (batch, rows). `activations` (batch, cols) are for products.
  virtual std::vector<float> run(Op op, const Tensor& weights, const MatrixView& activations) = 0;
  /// Copies of the weights: at least two, together at least `rotation_bytes`. The session outlives the result.
  virtual std::unique_ptr<GpuRun> prepare(Op op, const Tensor& weights, const MatrixView& activations,
                                          std::size_t rotation_bytes) = 0;

  /// Copying from one buffer of `bytes` to another one, both read and written bytes counted. Median of `samples`.
  virtual double copy_bytes_per_second(std::size_t bytes, int samples) = 0;
  /// A dense product of bf16 numbers with sums in f32 of this shape by cuBLAS. Median of `samples`.
  virtual double dense_bf16_flops_per_second(const KernelShape& shape, int samples) = 0;
};

/// Throws Error when there is no device, saying why (also in builds without CUDA).
std::unique_ptr<GpuSession> open_gpu(std::size_t device = 0);

}  // namespace quantbench
