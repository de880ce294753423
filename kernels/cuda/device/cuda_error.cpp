#include "kernels/cuda/device/cuda_error.h"

#include "core/error.h"

namespace quantbench::gpu {

void check_cuda(cudaError_t status, const std::string& asked) {
  if (status != cudaSuccess) fail("CUDA: {}: {} ({})", asked, cudaGetErrorString(status), cudaGetErrorName(status));
}

}  // namespace quantbench::gpu
