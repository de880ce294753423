// Failed calls of the CUDA runtime as errors that say what was asked.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace quantbench::gpu {

/// Throws Error unless the call succeeded. `asked`: the call with its sizes.
void check_cuda(cudaError_t status, const std::string& asked);

}  // namespace quantbench::gpu
