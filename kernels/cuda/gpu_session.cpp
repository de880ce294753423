#include "kernels/cuda/gpu_session.h"

#include "core/error.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cuda/product_device.h"
#include "kernels/cuda/w4_repack.h"

namespace quantbench {

bool runs_on_gpu(Op op) {
  return op == Op::decode || op == Op::matvec || op == Op::matmul_bf16 || op == Op::matmul_int8 ||
         op == Op::matmul_w4a16;
}

bool runs_on_gpu(Op op, const Format& format) {
  if (op == Op::matmul_int8) return has_int8_kernels(format);
  return op == Op::matmul_w4a16 ? has_w4_kernels(format) : runs_on_gpu(op);
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
