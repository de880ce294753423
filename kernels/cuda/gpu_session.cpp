#include "kernels/cuda/gpu_session.h"

#include "core/error.h"

namespace quantbench {

bool runs_on_gpu(Op op) { return op == Op::decode || op == Op::matvec || op == Op::matmul_bf16; }

#ifndef QUANTBENCH_CUDA

std::unique_ptr<GpuSession> open_gpu(std::size_t) { fail("there is no CUDA device: {}", gpu_devices().absence); }

#endif

}  // namespace quantbench
