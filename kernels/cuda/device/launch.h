// Launching kernels, with errors that say what was asked. For CUDA sources.
#pragma once

#include <cuda_runtime_api.h>

#include <limits>
#include <string>

#include "core/tensor.h"
#include "kernels/cuda/device/cuda_error.h"

namespace quantbench::gpu {

struct Launch {
  std::size_t blocks;
  unsigned threads;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

/// What a kernel is launched for.
struct Request {
  const char* op;
  const Tensor& weights;
  std::size_t batch;
};

inline void check_launch(cudaError_t status, const Request& request, const Launch& launch) {
  if (status == cudaSuccess) return;
  const Tensor& weights = request.weights;
  check_cuda(status, std::string(request.op) + " of " + weights.format->id + ", " + std::to_string(weights.rows) +
                         " x " + std::to_string(weights.cols) + " weights, batch " + std::to_string(request.batch) +
                         ": " + std::to_string(launch.blocks) + " blocks of " + std::to_string(launch.threads) +
                         " threads with " + std::to_string(launch.shared_bytes) + " bytes of shared memory");
}

/// Shared memory that needs no permission.
constexpr std::size_t ordinary_shared_bytes = 48 * 1024;

template <class Arguments>
void launch_kernel(void (*kernel)(Arguments), const Arguments& arguments, const Launch& launch,
                   const Request& request) {
  if (launch.blocks == 0) return;
  if (launch.blocks > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    check_launch(cudaErrorInvalidConfiguration, request, launch);
  if (launch.shared_bytes > ordinary_shared_bytes)
    check_launch(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(launch.shared_bytes)),
                 request, launch);
  kernel<<<static_cast<unsigned>(launch.blocks), launch.threads, launch.shared_bytes, launch.stream>>>(arguments);
  check_launch(cudaGetLastError(), request, launch);
}

}  // namespace quantbench::gpu
