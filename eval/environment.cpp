#include "eval/environment.h"

#include <fstream>

#include "core/isa_limit.h"
#include "kernels/cuda/gpu_devices.h"

namespace quantbench {
namespace {

std::string cpu_name() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

}  // namespace

std::string quantbench_version() { return QUANTBENCH_VERSION; }

Environment current_environment(int threads) {
  Environment environment;
  environment.cpu = cpu_name();
  environment.isa = to_string(best_isa());
  environment.machine_isa = to_string(machine_isas().back());
  environment.compiler = compiler_name();
  environment.flags = QUANTBENCH_FLAGS;
  environment.gpu = to_string(gpu_devices());
  environment.version = quantbench_version();
  environment.commit = quantbench_commit();
  environment.threads = threads;
  return environment;
}

}  // namespace quantbench
