#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/isa.h"
#include "core/isa_limit.h"
#include "core/parallel.h"
#include "eval/doctor/cgroup.h"
#include "eval/doctor/finding.h"
#include "eval/environment.h"

namespace quantbench {
namespace {

std::vector<std::string> names_of(const std::vector<Isa>& isas) {
  std::vector<std::string> names;
  for (const Isa isa : isas) names.emplace_back(to_string(isa));
  return names;
}

Finding instruction_sets() {
  const std::vector<std::string> usable = names_of(available_isas()), machine = names_of(machine_isas());
  Finding finding{"instruction sets", fmt::format("{}", fmt::join(usable, ", "))};
  finding.figures = {{"usable", usable}, {"machine", machine}};
  if (machine.back() == "scalar")
    finding.advice =
        "this processor has none that quantbench has code for (AVX2, AVX-512, NEON with SDOT): all is several times "
        "slower";
  return finding;
}

Finding products() {
  std::vector<std::string> names;
  if (has_avx512_byte_products()) names.emplace_back("AVX-512 VNNI and VBMI");
  if (has_amx_byte_products()) names.emplace_back("AMX int8");
  if (has_amx_bf16_products()) names.emplace_back("AMX bf16");
  Finding finding{"special products", names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))};
  finding.figures = {{"avx512_bytes", has_avx512_byte_products()},
                     {"amx_int8", has_amx_byte_products()},
                     {"amx_bf16", has_amx_bf16_products()}};
  return finding;
}

Finding threads() {
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  const int usable = hardware_threads();
  const std::optional<double> limit = cgroup_limits().processors;
  Finding finding{"threads", fmt::format("{} of {} processors", usable, online)};
  finding.figures = {{"usable", usable}, {"processors", online}};
  if (usable < online) finding.text += " (the affinity of this process leaves out the others)";
  if (!limit) return finding;
  finding.figures["cgroup_processors"] = *limit;
  finding.text += fmt::format(", time of {:.3g} by the control group", *limit);
  if (*limit < usable)
    finding.advice =
        fmt::format("more threads than the control group gives time for wait for each other: use --threads {}",
                    std::max(1, static_cast<int>(*limit)));
  return finding;
}

Finding openmp() {
  const int limit = ::omp_get_thread_limit(), usable = hardware_threads();
  const char* const policy = std::getenv("OMP_WAIT_POLICY");
  const bool bound = ::omp_get_proc_bind() != omp_proc_bind_false;
  Finding finding{
      "OpenMP",
      fmt::format("{}, threads {}", policy == nullptr ? "default wait policy" : fmt::format("wait policy {}", policy),
                  bound ? "bound to processors" : "not bound")};
  finding.figures = {{"thread_limit", limit}, {"bound", bound}, {"wait_policy", policy == nullptr ? "" : policy}};
  if (limit < usable) {
    finding.text += fmt::format(", at most {}", limit);
    finding.advice = "OMP_THREAD_LIMIT is below the number of processors: unset it";
  }
  return finding;
}

Finding load() {
  double average = 0;
  std::ifstream("/proc/loadavg") >> average;
  Finding finding{"load", fmt::format("{:.2f} in the last minute", average)};
  finding.figures = {{"one_minute", average}};
  if (average > 0.5 * hardware_threads())
    finding.advice =
        "other processes run: measured times and rates are too slow and vary, figures of quality do not change";
  return finding;
}

}  // namespace

std::vector<Finding> check_processors() {
  Finding processor{"processor", current_environment(1).cpu};
  processor.figures = {{"name", processor.text}};
  return {instruction_sets(), std::move(processor), products(), threads(), openmp(), load()};
}

}  // namespace quantbench
