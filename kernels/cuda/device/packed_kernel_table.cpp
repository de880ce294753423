#include <array>
#include <utility>

#include "kernels/cuda/device/packed_kernel_parts.h"
#include "kernels/cuda/device/w4_products.h"

namespace quantbench::gpu {
namespace {

using Table = std::array<PackedKernels, formats::All::size>;

template <std::size_t... part>
Table all_parts(std::index_sequence<part...>) {
  Table by_layout{};
  (add_packed_kernels<part>(by_layout), ...);
  return by_layout;
}

}  // namespace

std::size_t PackedKernels::workspace_bytes(Op op, const Tensor& weights, std::size_t batch) const {
  if (op == Op::matmul_bf16) return matmul_bf16.workspace_bytes(weights, batch);
  if (op == Op::matmul_w4a16) return w4_workspace_bytes(weights, batch);
  if (op == Op::matmul_int8) return matmul_int8.workspace_bytes(weights, batch);
  return 0;
}

void PackedKernels::multiply(Op op, const Tensor& weights, const DeviceProduct& product, cudaStream_t stream) const {
  if (op == Op::matvec) return matvec(weights, product, stream);
  if (op == Op::matmul_w4a16) return multiply_w4(weights, product, stream);
  (op == Op::matmul_bf16 ? matmul_bf16 : matmul_int8).multiply(weights, product, stream);
}

const PackedKernels& packed_kernels(const Format& format) {
  static const Table by_layout = all_parts(std::make_index_sequence<part_count>());
  return by_layout[format.layout];
}

}  // namespace quantbench::gpu
