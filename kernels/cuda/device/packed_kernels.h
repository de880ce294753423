// The kernels of CUDA devices on packed weights: launches, by format. Calls return at once; results are there when the stream is done.
//
// Tensor::bytes, activations and outputs are addresses on the device, from DeviceMemory (which is aligned and padded as the kernels
// need it). Throws Error, which names what was asked, when a launch is refused.
#pragma once

#include <cuda_runtime_api.h>

#include "core/tensor.h"

namespace quantbench::gpu {

/// y = x w'
struct DeviceProduct {
  const float* x = nullptr;  // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  float* y = nullptr;  // (batch, rows), row stride y_stride
  std::size_t y_stride = 0;
  std::size_t batch = 0;
  std::byte* workspace = nullptr;  // matmul: its matmul_workspace_bytes, aligned to 16
};

struct PackedKernels {
  /// out: (rows, cols), the bits of Format::decode (NaN with any payload).
  void (*decode)(const Tensor& weights, float* out, cudaStream_t stream);
  /// Meant for batches of 1 to 8; larger ones are right, but read the weights again for every eight rows. Accuracy: matvec_kernel.h.
  void (*matvec)(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream);
  /// Both sides rounded to bf16, sums in f32 in the order of the matrix units.
  std::size_t (*matmul_workspace_bytes)(const Tensor& weights, std::size_t batch);
  void (*matmul)(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream);
};

const PackedKernels& packed_kernels(const Format& format);

}  // namespace quantbench::gpu
