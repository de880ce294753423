#include "kernels/cuda/gpu_devices.h"

#include <fmt/format.h>

#ifdef QUANTBENCH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace quantbench {

#ifdef QUANTBENCH_CUDA

GpuDevices gpu_devices() {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess)
    return {{}, cudaGetErrorString(status)};
  GpuDevices found;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) continue;
    found.devices.push_back({properties.name, properties.major, properties.minor, properties.totalGlobalMem,
                             properties.multiProcessorCount});
  }
  if (found.devices.empty()) found.absence = "no CUDA device";
  return found;
}

#else

GpuDevices gpu_devices() { return {{}, "built without CUDA"}; }

#endif

std::string to_string(const GpuDevices& devices) {
  if (devices.devices.empty()) return fmt::format("none ({})", devices.absence);
  std::string text;
  for (const GpuDevice& device : devices.devices)
    text += fmt::format("{}{} (sm_{}{}, {:.1f} GiB)", text.empty() ? "" : ", ", device.name, device.compute_major,
                        device.compute_minor, static_cast<double>(device.memory_bytes) / (1ull << 30));
  return text;
}

}  // namespace quantbench
