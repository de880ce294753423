// The CUDA devices of this machine. Builds without CUDA, and machines without a device, have none and say why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantbench {

struct GpuDevice {
  std::string name = {};
  int compute_major = 0, compute_minor = 0;
  std::uint64_t memory_bytes = 0;
  int multiprocessors = 0;
  int clock_megahertz = 0;         // the highest of multiprocessors
  int memory_clock_megahertz = 0;  // the highest of the memory
  std::size_t cache_bytes = 0;     // of the last level
};

struct GpuDevices {
  std::vector<GpuDevice> devices;
  std::string absence;  // why there is none: "built without CUDA", "no CUDA driver", ...; empty when there is one
};

/// Never throws: a missing driver or device is an answer, not an error.
GpuDevices gpu_devices();

/// Throws Error when there is no such device, saying why.
GpuDevice find_gpu_device(std::size_t index);

/// One line for reports: "NVIDIA H200 (sm_90, 139.8 GiB at 3201 MHz, 132 multiprocessors at 1980 MHz)" or
/// "none (built without CUDA)". Clocks are the highest ones.
std::string to_string(const GpuDevices& devices);

}  // namespace quantbench
