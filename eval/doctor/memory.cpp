#include <fmt/format.h>
#include <sys/resource.h>

#include <fstream>
#include <map>
#include <sstream>

#include "eval/doctor/cgroup.h"
#include "eval/doctor/finding.h"

namespace quantbench {
namespace {

constexpr double gibibyte = 1 << 30;

/// Bytes by name; empty where there is no such file.
std::map<std::string, double> memory_info() {
  std::map<std::string, double> info;
  std::ifstream stream("/proc/meminfo");
  for (std::string line; std::getline(stream, line);) {  // "MemTotal:       24567890 kB"
    std::istringstream words(line);
    std::string name;
    double kibibytes = 0;
    if (words >> name >> kibibytes) info[name.substr(0, name.find(':'))] = 1024 * kibibytes;
  }
  return info;
}

Finding memory() {
  constexpr double little = 1 * gibibyte;
  const std::map<std::string, double> info = memory_info();
  const auto bytes_of = [&info](const char* name) { return info.contains(name) ? info.at(name) : 0; };
  const double total = bytes_of("MemTotal"), available = bytes_of("MemAvailable"), swap = bytes_of("SwapTotal");
  Finding finding{"memory",
                  fmt::format("{}, {} available, swap {}", bytes_text(total), bytes_text(available), bytes_text(swap))};
  finding.figures = {{"total_bytes", total}, {"available_bytes", available}, {"swap_bytes", swap}};
  if (const auto limit = cgroup_limits().memory_bytes; limit && static_cast<double>(*limit) < total) {
    finding.text += fmt::format(", at most {} by the control group", bytes_text(static_cast<double>(*limit)));
    finding.figures["cgroup_bytes"] = *limit;
  }
  if (total > 0 && available < little)
    finding.advice = "less than 1 GiB is available: `quantbench run CONFIG --dry-run` says what each cell needs";
  return finding;
}

/// "always [madvise] never"
std::string chosen_of(const std::string& choices) {
  const std::size_t open = choices.find('['), close = choices.find(']');
  return open == std::string::npos || close == std::string::npos ? "" : choices.substr(open + 1, close - open - 1);
}

Finding large_pages() {
  std::string choices;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), choices);
  const std::string chosen = chosen_of(choices);
  Finding finding{"large pages", chosen.empty() ? "not known" : fmt::format("transparent: {}", chosen)};
  finding.figures = {{"transparent", chosen}};
  if (chosen == "never")
    finding.advice =
        "reading weights is slower without pages of 2 MiB: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
  return finding;
}

std::string limit_text(rlim_t limit) {
  return limit == RLIM_INFINITY ? "no limit" : bytes_text(static_cast<double>(limit));
}

nlohmann::ordered_json limit_json(rlim_t limit) {
  return limit == RLIM_INFINITY ? nlohmann::ordered_json() : nlohmann::ordered_json(limit);
}

Finding limits() {
  rlimit addresses{}, locked{}, stack{};
  ::getrlimit(RLIMIT_AS, &addresses);
  ::getrlimit(RLIMIT_MEMLOCK, &locked);
  ::getrlimit(RLIMIT_STACK, &stack);
  Finding finding{"memory limits", fmt::format("addresses {}, locked {}, stack {}", limit_text(addresses.rlim_cur),
                                               limit_text(locked.rlim_cur), limit_text(stack.rlim_cur))};
  finding.figures = {{"address_bytes", limit_json(addresses.rlim_cur)},
                     {"locked_bytes", limit_json(locked.rlim_cur)},
                     {"stack_bytes", limit_json(stack.rlim_cur)}};
  if (addresses.rlim_cur != RLIM_INFINITY)
    finding.advice = "model files are mapped whole and count as addresses, read or not: ulimit -v unlimited";
  return finding;
}

}  // namespace

std::string bytes_text(double bytes) {
  if (bytes >= gibibyte) return fmt::format("{:.1f} GiB", bytes / gibibyte);
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", bytes / (1 << 20));
  return fmt::format("{:.0f} bytes", bytes);
}

std::vector<Finding> check_memory() { return {memory(), large_pages(), limits()}; }

}  // namespace quantbench
