// Limits that a control group puts on a process: containers and cluster jobs have them, and the system's own figures do not show them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace quantbench {

struct CgroupLimits {
  std::optional<double> processors;  // time of so many processors together
  std::optional<std::uint64_t> memory_bytes;
};

/// The tightest limits of the groups in `membership` (/proc/self/cgroup) and those above them, below `mount` (/sys/fs/cgroup), of version
/// 2 and of version 1. Files that are missing or cannot be read put no limit; never throws.
CgroupLimits cgroup_limits(const std::filesystem::path& membership = "/proc/self/cgroup",
                           const std::filesystem::path& mount = "/sys/fs/cgroup");

}  // namespace quantbench
