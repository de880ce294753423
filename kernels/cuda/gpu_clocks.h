// The clocks that a device runs at now, from NVML, the management library of its driver. The library is loaded when it is first asked for: no
// program needs it to start.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace quantbench {

struct GpuClocks {
  double multiprocessor_megahertz = 0, memory_megahertz = 0;
};

/// What is used of NVML, by its names without the prefix nvml (NVIDIA, NVML API Reference Guide). 0 is success.
struct NvmlFunctions {
  using Device = void*;
  static constexpr int multiprocessor_clock = 1, memory_clock = 2;  // NVML_CLOCK_SM, NVML_CLOCK_MEM

  int (*init)() = nullptr;                                                        // Init_v2
  int (*device_by_pci_bus_id)(const char* pci_bus_id, Device* device) = nullptr;  // DeviceGetHandleByPciBusId_v2
  int (*clock_of)(Device device, int clock, unsigned* megahertz) = nullptr;       // DeviceGetClockInfo
  int (*shutdown)() = nullptr;                                                    // Shutdown
};

/// Of a library that stays loaded. Nothing where there is none, or it lacks a function.
std::optional<NvmlFunctions> load_nvml(const char* library = "libnvidia-ml.so.1");

class GpuClockReader {
 public:
  /// pci_bus_id: as CUDA names it, "0000:3b:00.0". Without functions, or when the library does not know the device, nothing can be read.
  GpuClockReader(const std::optional<NvmlFunctions>& functions, const std::string& pci_bus_id);
  ~GpuClockReader();
  GpuClockReader(const GpuClockReader&) = delete;
  GpuClockReader& operator=(const GpuClockReader&) = delete;

  /// Nothing when the driver does not say.
  std::optional<GpuClocks> read() const;

 private:
  std::optional<NvmlFunctions> functions_;  // initialised
  NvmlFunctions::Device device_ = nullptr;
  bool found_ = false;
};

}  // namespace quantbench
