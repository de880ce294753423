#include "kernels/cuda/gpu_clocks.h"

#include <dlfcn.h>

namespace quantbench {
namespace {

template <class Function>
bool find_function(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

std::optional<NvmlFunctions> load_nvml(const char* library) {
  void* const loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) return std::nullopt;
  NvmlFunctions functions;
  const bool complete = find_function(loaded, "nvmlInit_v2", functions.init) &&
                        find_function(loaded, "nvmlDeviceGetHandleByPciBusId_v2", functions.device_by_pci_bus_id) &&
                        find_function(loaded, "nvmlDeviceGetClockInfo", functions.clock_of) &&
                        find_function(loaded, "nvmlShutdown", functions.shutdown);
  if (complete) return functions;
  dlclose(loaded);
  return std::nullopt;
}

GpuClockReader::GpuClockReader(const std::optional<NvmlFunctions>& functions, const std::string& pci_bus_id) {
  if (!functions || functions->init() != 0) return;
  functions_ = functions;
  found_ = functions->device_by_pci_bus_id(pci_bus_id.c_str(), &device_) == 0;
}

GpuClockReader::~GpuClockReader() {
  if (functions_) functions_->shutdown();
}

std::optional<GpuClocks> GpuClockReader::read() const {
  unsigned multiprocessor = 0, memory = 0;
  if (!found_ || functions_->clock_of(device_, NvmlFunctions::multiprocessor_clock, &multiprocessor) != 0 ||
      functions_->clock_of(device_, NvmlFunctions::memory_clock, &memory) != 0)
    return std::nullopt;
  return GpuClocks{static_cast<double>(multiprocessor), static_cast<double>(memory)};
}

}  // namespace quantbench
