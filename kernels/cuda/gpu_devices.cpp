#include "kernels/cuda/gpu_devices.h"

#include <fmt/format.h>

#include "core/error.h"

namespace quantbench {

#ifndef QUANTBENCH_CUDA

GpuDevices gpu_devices() { return {{}, "built without CUDA"}; }

#endif

GpuDevice find_gpu_device(std::size_t index) {
  const GpuDevices found = gpu_devices();
  if (found.devices.empty()) fail("there is no CUDA device: {}", found.absence);
  if (index >= found.devices.size()) fail("there is no CUDA device {}: there are {}", index, found.devices.size());
  return found.devices[index];
}

std::string to_string(const GpuDevices& devices) {
  if (devices.devices.empty()) return fmt::format("none ({})", devices.absence);
  std::string text;
  for (const GpuDevice& device : devices.devices)
    text += fmt::format("{}{} (sm_{}{}, {:.1f} GiB at {} MHz, {} multiprocessors at {} MHz)", text.empty() ? "" : ", ",
                        device.name, device.compute_major, device.compute_minor,
                        static_cast<double>(device.memory_bytes) / (1ull << 30), device.memory_clock_megahertz,
                        device.multiprocessors, device.clock_megahertz);
  return text;
}

}  // namespace quantbench
