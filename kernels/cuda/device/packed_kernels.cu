// Instantiates the kernels for every QUANTBENCH_CUDA_PARTS-th format from QUANTBENCH_CUDA_PART on: this source is compiled once for each
// part, side by side.
#include "kernels/cuda/decode_kernel.h"
#include "kernels/cuda/device/device_thread.cuh"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/device/packed_kernel_parts.h"
#include "kernels/cuda/int8_matmul_kernel.h"
#include "kernels/cuda/matmul_kernel.h"
#include "kernels/cuda/matvec_kernel.h"
#include "quantizers/formats/all.h"

namespace quantbench::gpu {
namespace {

template <class F>
__global__ void __launch_bounds__(DecodeKernel::threads) decode_kernel(const DecodeArguments<F> arguments) {
  DecodeKernel::run(DeviceThread(), arguments);
}
template <class F, unsigned batch>
__global__ void __launch_bounds__((MatvecKernel<F, batch>::threads)) matvec_kernel(const MatvecArguments<F> arguments) {
  MatvecKernel<F, batch>::run(DeviceThread(), arguments);
}
template <class F>
__global__ void __launch_bounds__(RoundKernel::threads) round_kernel(const RoundArguments<F> arguments) {
  RoundKernel::run(DeviceThread(), arguments);
}
template <class F>
__global__ void __launch_bounds__(MatmulKernel::threads) matmul_kernel(const MatmulArguments<F> arguments) {
  MatmulKernel::run(DeviceThread(), arguments);
}

__global__ void __launch_bounds__(RoundInt8Kernel::threads) round_int8_kernel(const RoundInt8Arguments arguments) {
  RoundInt8Kernel::run(DeviceThread(), arguments);
}
template <class F>
__global__ void __launch_bounds__(Int8MatmulKernel::threads)
    int8_matmul_kernel(const Int8MatmulArguments<F> arguments) {
  Int8MatmulKernel::run(DeviceThread(), arguments);
}

template <class F>
void decode(const Tensor& weights, float* out, cudaStream_t stream) {
  const DecodeArguments<F> arguments{packed_matrix<F>(weights, weights.bytes.data()), out};
  const Launch launch{DecodeKernel::blocks(arguments.weights), DecodeKernel::threads, DecodeKernel::shared_bytes<F>,
                      stream};
  launch_kernel(&decode_kernel<F>, arguments, launch, {"decode", weights, 1});
}

/// Rows of activations from `first` on.
template <class F>
MatvecArguments<F> from_row(MatvecArguments<F> arguments, std::size_t first) {
  arguments.x += first * arguments.x_stride;
  arguments.y += first * arguments.y_stride;
  return arguments;
}

template <class F, unsigned batch>
void matvec_of(const Tensor& weights, const MatvecArguments<F>& arguments, cudaStream_t stream) {
  using Matvec = MatvecKernel<F, batch>;
  const Launch launch{Matvec::blocks(arguments.weights), Matvec::threads, Matvec::shared_bytes, stream};
  launch_kernel(&matvec_kernel<F, batch>, arguments, launch, {"matvec", weights, batch});
}

template <class F>
void matvec(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream) {
  const MatvecArguments<F> arguments{packed_matrix<F>(weights, weights.bytes.data()), product.x, product.x_stride,
                                     product.y, product.y_stride};
  std::size_t done = 0;
  for (; done + 8 <= product.batch; done += 8) matvec_of<F, 8>(weights, from_row(arguments, done), stream);
  for (; done + 4 <= product.batch; done += 4) matvec_of<F, 4>(weights, from_row(arguments, done), stream);
  for (; done + 2 <= product.batch; done += 2) matvec_of<F, 2>(weights, from_row(arguments, done), stream);
  for (; done < product.batch; ++done) matvec_of<F, 1>(weights, from_row(arguments, done), stream);
}

template <class F>
std::size_t matmul_bf16_workspace_bytes(const Tensor& weights, std::size_t batch) {
  return batch * padded_runs_of<F>(shape_of<F>(*weights.format, weights.cols)) * run_weights * sizeof(std::uint16_t);
}

template <class F>
void matmul_bf16(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream) {
  const PackedMatrix<F> matrix = packed_matrix<F>(weights, weights.bytes.data());
  const RoundArguments<F> rounding{matrix.shape, product.x, product.x_stride, product.batch,
                                   reinterpret_cast<std::uint16_t*>(product.workspace)};
  const Launch round{RoundKernel::blocks(rounding), RoundKernel::threads, 0, stream};
  launch_kernel(&round_kernel<F>, rounding, round, {"rounding for matmul_bf16", weights, product.batch});
  const MatmulArguments<F> arguments{matrix, rounding.rounded, product.y, product.y_stride, product.batch};
  const Launch multiply{MatmulKernel::blocks(arguments), MatmulKernel::threads, MatmulKernel::shared_bytes<F>, stream};
  launch_kernel(&matmul_kernel<F>, arguments, multiply, {"matmul_bf16", weights, product.batch});
}

std::size_t matmul_int8_workspace_bytes(const Tensor& weights, std::size_t batch) {
  return Int8Workspace{weights.cols, batch}.bytes();
}

template <class F>
void matmul_int8(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream) {
  const Int8Workspace workspace{weights.cols, product.batch, product.workspace};
  const RoundInt8Arguments rounding{workspace, product.x, product.x_stride};
  const Launch round{RoundInt8Kernel::blocks(rounding), RoundInt8Kernel::threads, 0, stream};
  launch_kernel(&round_int8_kernel, rounding, round, {"rounding for matmul_int8", weights, product.batch});
  const Int8MatmulArguments<F> arguments{packed_matrix<F>(weights, weights.bytes.data()), workspace, product.y,
                                         product.y_stride};
  const Launch multiply{Int8MatmulKernel::blocks(arguments), Int8MatmulKernel::threads,
                        Int8MatmulKernel::shared_bytes<F>, stream};
  launch_kernel(&int8_matmul_kernel<F>, arguments, multiply, {"matmul_int8", weights, product.batch});
}

template <class F>
PackedKernels kernels_of() {
  PackedKernels kernels{&decode<F>, &matvec<F>, {&matmul_bf16_workspace_bytes<F>, &matmul_bf16<F>}, {}};
  if constexpr (has_integer_levels<F>) kernels.matmul_int8 = {&matmul_int8_workspace_bytes, &matmul_int8<F>};
  return kernels;
}

}  // namespace

template <>
void add_packed_kernels<QUANTBENCH_CUDA_PART>(std::span<PackedKernels> by_layout) {
  formats::for_each_format([&]<class F>(std::size_t layout) {
    if constexpr (part_of<F> == QUANTBENCH_CUDA_PART) by_layout[layout] = kernels_of<F>();
  });
}

}  // namespace quantbench::gpu
