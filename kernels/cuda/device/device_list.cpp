#include <cuda_runtime_api.h>

#include "kernels/cuda/gpu_devices.h"

namespace quantbench {
namespace {

/// 0 when the device does not say.
int megahertz(cudaDeviceAttr clock, int device) {
  int kilohertz = 0;
  return cudaDeviceGetAttribute(&kilohertz, clock, device) == cudaSuccess ? kilohertz / 1000 : 0;
}

}  // namespace

GpuDevices gpu_devices() {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess)
    return {{}, cudaGetErrorString(status)};
  GpuDevices found;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) continue;
    found.devices.push_back({properties.name, properties.major, properties.minor, properties.totalGlobalMem,
                             properties.multiProcessorCount, megahertz(cudaDevAttrClockRate, index),
                             megahertz(cudaDevAttrMemoryClockRate, index),
                             static_cast<std::size_t>(properties.l2CacheSize)});
  }
  if (found.devices.empty()) found.absence = "no CUDA device";
  return found;
}

}  // namespace quantbench
