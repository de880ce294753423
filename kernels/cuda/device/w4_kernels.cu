#include "kernels/cuda/w4_kernels.h"

#include "kernels/cuda/device/device_thread.cuh"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/device/w4_products.h"
#include "kernels/cuda/w4_repack.h"

namespace quantbench::gpu {
namespace {

__global__ void __launch_bounds__(RoundW4Kernel::threads) round_kernel(const RoundW4Arguments arguments) {
  RoundW4Kernel::run(DeviceThread(), arguments);
}
template <unsigned spans>
__global__ void __launch_bounds__(W4MatvecKernel<spans>::threads) matvec_kernel(const W4Arguments arguments) {
  W4MatvecKernel<spans>::run(DeviceThread(), arguments);
}
template <unsigned spans>
__global__ void __launch_bounds__(W4MatmulKernel<spans>::threads) matmul_kernel(const W4Arguments arguments) {
  W4MatmulKernel<spans>::run(DeviceThread(), arguments);
}

template <unsigned spans>
void launch_product(const W4Arguments& arguments, const Request& request, cudaStream_t stream) {
  using Matvec = W4MatvecKernel<spans>;
  using Matmul = W4MatmulKernel<spans>;
  if (request.batch <= Matvec::rows)
    launch_kernel(&matvec_kernel<spans>, arguments,
                  {Matvec::blocks(arguments), Matvec::threads, Matvec::shared_bytes, stream}, request);
  else
    launch_kernel(&matmul_kernel<spans>, arguments, {Matmul::blocks(arguments), Matmul::threads, 0, stream}, request);
}

}  // namespace

std::size_t w4_workspace_bytes(const Tensor& weights, std::size_t batch) {
  return W4Activations{batch, weights.cols}.bytes();
}

void multiply_w4(const Tensor& weights, const DeviceProduct& product, cudaStream_t stream) {
  const W4Layout layout = w4_layout(*weights.format, weights.rows, weights.cols);
  const Request request{"matmul_w4a16", weights, product.batch};
  const W4Activations x{product.batch, weights.cols, reinterpret_cast<std::uint32_t*>(product.workspace)};
  const RoundW4Arguments rounding{x, product.x, product.x_stride};
  launch_kernel(&round_kernel, rounding, {RoundW4Kernel::blocks(rounding), RoundW4Kernel::threads, 0, stream}, request);
  const W4Arguments arguments{{layout, weights.bytes.data()}, x, product.y, product.y_stride};
  if (layout.steps_have_one_group())
    launch_product<1>(arguments, request, stream);
  else
    launch_product<2>(arguments, request, stream);
}

}  // namespace quantbench::gpu
