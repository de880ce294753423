// One small kernel for each format, to see in its PTX that device code finds all tables (cmake/cuda_tables_test.cmake). Nobody runs it.
#include "kernels/cuda/decode_kernel.h"
#include "kernels/cuda/device/device_thread.cuh"
#include "quantizers/formats/all.h"

namespace quantbench::gpu {
namespace {

template <class F>
__global__ void decode_kernel(const DecodeArguments<F> arguments) {
  DecodeKernel::run(DeviceThread(), arguments);
}

template <class... F>
constexpr std::size_t kernels_of(formats::List<F...>) {
  return ((&decode_kernel<F> != nullptr ? 1 : 0) + ...);
}

}  // namespace

std::size_t decoder_count() { return kernels_of(formats::All{}); }

}  // namespace quantbench::gpu
