#include "core/process_identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "core/hash.h"

namespace quantbench {
namespace {

std::string machine() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::error_code unreadable;
  const std::string space = std::filesystem::read_symlink("/proc/self/ns/pid", unreadable).string();
  return sha256(boot + " " + space).substr(0, 12);
}

struct ProcessStat {
  char state = 0;  // 'Z': has ended, and its parent has not asked for it yet
  std::string start;
};

/// Nothing when there is no such process.
std::optional<ProcessStat> stat_of(long pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  ProcessStat stat;
  fields >> stat.state;
  constexpr int fields_between = 18;  // proc(5): state is the third field, starttime the 22nd
  for (int i = 0; i <= fields_between; ++i) fields >> stat.start;
  if (!fields) return std::nullopt;
  return stat;
}

}  // namespace

std::string this_process() {
  const auto stat = stat_of(::getpid());
  return fmt::format("{}-{}-{}", machine(), ::getpid(), stat ? stat->start : "0");
}

bool known_to_have_ended(std::string_view identity) {
  const std::size_t pid_start = identity.find('-') + 1;
  const std::size_t pid_end = identity.find('-', pid_start);
  if (pid_start == 0 || pid_end == std::string_view::npos) return false;
  long pid = 0;
  const auto [end, error] = std::from_chars(identity.data() + pid_start, identity.data() + pid_end, pid);
  if (error != std::errc() || end != identity.data() + pid_end) return false;
  if (identity.substr(0, pid_start - 1) != machine()) return false;
  const auto stat = stat_of(pid);
  // /proc may hide the processes of other users (hidepid), which kill then denies rather than misses.
  if (!stat) return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
  return stat->state == 'Z' || stat->state == 'X' || stat->start != identity.substr(pid_end + 1);
}

}  // namespace quantbench
