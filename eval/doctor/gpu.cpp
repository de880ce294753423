#include "kernels/cuda/gpu_devices.h"

#include <fmt/format.h>

#include <filesystem>

#include "eval/doctor/finding.h"

namespace quantbench {

std::vector<Finding> check_gpu() {
  const GpuDevices found = gpu_devices();
  Finding finding{"GPU", to_string(found)};
  finding.figures = {{"devices", nlohmann::ordered_json::array()}, {"absence", found.absence}};
  for (const GpuDevice& device : found.devices)
    finding.figures["devices"].push_back(
        {{"name", device.name},
         {"compute_capability", fmt::format("{}.{}", device.compute_major, device.compute_minor)},
         {"memory_bytes", device.memory_bytes},
         {"multiprocessors", device.multiprocessors}});
  std::error_code ignored;
  if (found.devices.empty() && std::filesystem::exists("/proc/driver/nvidia", ignored))
    finding.advice =
        "there is an NVIDIA driver: CUDA kernels are in builds of the preset 'cuda' (docs/kernels_cuda.md)";
  return {std::move(finding)};
}

}  // namespace quantbench
