// The kernels of CUDA devices on packed weights: launches, by format. Calls return at once; results are there when the stream is done.
//
// Tensor::bytes, activations and outputs are addresses on the device, from DeviceMemory (which is aligned and padded as the kernels
// need it). Throws Error, which names what was asked, when a launch is refused.
#pragma once

#include <cuda_runtime_api.h>

#include "core/tensor.h"
#include "kernels/kernel.h"

namespace quantbench::gpu {

/// y = x w'
struct DeviceProduct {
  const float* x = nullptr;  // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  float* y = nullptr;  // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
  std::size_t batch = 0;
  std::byte* workspace = nullptr;  // of workspace_bytes, aligned to 16
};

using Multiply = void (*)(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream);
using WorkspaceBytes = std::size_t (*)(const Tensor& weights, std::size_t batch);

/// A product that first makes something else of the activations. Null where the format has no such product.
struct PreparedProduct {
  WorkspaceBytes workspace_bytes = nullptr;
  Multiply multiply = nullptr;
};

struct PackedKernels {
  /// out: (rows, cols), the bits of Format::decode (NaN with any payload).
  void (*decode)(const Tensor& weights, float* out, cudaStream_t stream) = nullptr;
  /// Meant for batches of 1 to 8; larger ones are right, but read the weights again for every eight rows. Accuracy: matvec_kernel.h.
  Multiply matvec = nullptr;
  /// Both sides rounded to bf16, sums in f32 in the order of the matrix units.
  PreparedProduct matmul_bf16;
  /// Activations rounded to eight bits, products in integers: int8_matmul_kernel.h.
  PreparedProduct matmul_int8;

  /// op: a product of runs_on_gpu with this format. Weights of matmul_w4a16 are repacked ones (w4_products.h).
  std::size_t workspace_bytes(Op op, const Tensor& weights, std::size_t batch) const;
  void multiply(Op op, const Tensor& weights, const DeviceProduct& product, cudaStream_t stream) const;
};

const PackedKernels& packed_kernels(const Format& format);

}  // namespace quantbench::gpu
