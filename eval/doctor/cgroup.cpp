#include "eval/doctor/cgroup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <limits>
#include <string>

namespace quantbench {
namespace {

namespace fs = std::filesystem;

/// What version 1 says where there is no limit: the largest number of whole pages.
constexpr std::uint64_t unlimited_memory = std::uint64_t{1} << 62;

template <class T>
void tighten(std::optional<T>& limit, T value) {
  limit = limit ? std::min(*limit, value) : value;
}

/// Numbers in a file; "max" and what is no number ends them.
std::array<std::optional<double>, 2> numbers_in(const fs::path& file) {
  std::array<std::optional<double>, 2> numbers;
  std::ifstream stream(file);
  for (auto& number : numbers) {
    double value = 0;
    if (!(stream >> value)) break;
    number = value;
  }
  return numbers;
}

void read_processors(const fs::path& folder, CgroupLimits& limits) {
  if (const auto [quota, period] = numbers_in(folder / "cpu.max"); quota && period && *period > 0)
    tighten(limits.processors, *quota / *period);
  const auto quota = numbers_in(folder / "cpu.cfs_quota_us")[0], period = numbers_in(folder / "cpu.cfs_period_us")[0];
  if (quota && period && *quota > 0 && *period > 0) tighten(limits.processors, *quota / *period);
}

void read_memory(const fs::path& folder, CgroupLimits& limits) {
  for (const char* name : {"memory.max", "memory.limit_in_bytes"})
    if (const auto bytes = numbers_in(folder / name)[0]; bytes && *bytes < static_cast<double>(unlimited_memory))
      tighten(limits.memory_bytes, static_cast<std::uint64_t>(*bytes));
}

/// From the group up to the root: a limit holds for all below it.
void walk_up(const fs::path& root, const std::string& group, const std::function<void(const fs::path&)>& read) {
  fs::path path = fs::path(group).relative_path().lexically_normal();
  while (!path.empty() && path != ".") {
    if (*path.begin() == "..") break;  // a group that this process cannot see
    read(root / path);
    path = path.parent_path();
  }
  read(root);
}

bool lists(const std::string& controllers, const std::string& wanted) {
  return fmt::format(",{},", controllers).find(fmt::format(",{},", wanted)) != std::string::npos;
}

}  // namespace

CgroupLimits cgroup_limits(const fs::path& membership, const fs::path& mount) {
  CgroupLimits limits;
  std::ifstream stream(membership);
  for (std::string line; std::getline(stream, line);) {  // "4:memory:/jobs/7", version 2: "0::/jobs/7"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    const auto processors = [&limits](const fs::path& folder) { read_processors(folder, limits); };
    const auto memory = [&limits](const fs::path& folder) { read_memory(folder, limits); };
    if (controllers.empty())
      walk_up(mount, group, [&](const fs::path& folder) {
        processors(folder);
        memory(folder);
      });
    if (lists(controllers, "cpu")) walk_up(mount / "cpu", group, processors);
    if (lists(controllers, "memory")) walk_up(mount / "memory", group, memory);
  }
  return limits;
}

}  // namespace quantbench
