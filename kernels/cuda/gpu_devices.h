// The CUDA devices of this machine. Builds without CUDA, and machines without a device, have none and say why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantbench {

struct GpuDevice {
  std::string name;
  int compute_major = 0, compute_minor = 0;
  std::uint64_t memory_bytes = 0;
  int multiprocessors = 0;
};

struct GpuDevices {
  std::vector<GpuDevice> devices;
  std::string absence;  // why there is none: "built without CUDA", "no CUDA driver", ...; empty when there is one
};

/// Never throws: a missing driver or device is an answer, not an error.
GpuDevices gpu_devices();

/// One line for reports: "NVIDIA H200 (sm_90, 139.8 GiB)" or "none (built without CUDA)".
std::string to_string(const GpuDevices& devices);

}  // namespace quantbench
