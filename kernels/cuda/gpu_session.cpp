#include "kernels/cuda/gpu_session.h"

#include "core/error.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cuda/product_device.h"

namespace quantbench {

bool runs_on_gpu(Op op) {
  return op == Op::decode || op == Op::matvec || op == Op::matmul_bf16 || op == Op::matmul_int8;
}

bool runs_on_gpu(Op op, const Format& format) {
  return runs_on_gpu(op) && (op != Op::matmul_int8 || has_int8_kernels(format));
}

#ifndef QUANTBENCH_CUDA

std::unique_ptr<GpuSession> open_gpu(std::size_t device) {
  static_cast<void>(find_gpu_device(device));
  fail("built without CUDA");
}
std::unique_ptr<ProductDevice> open_product_device(std::size_t device) {
  static_cast<void>(find_gpu_device(device));
  fail("built without CUDA");
}

#endif

}  // namespace quantbench
