#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "eval/doctor/finding.h"

namespace quantbench {
namespace {

/// A folder that is written to. `needs`: what goes there.
Finding space(std::string name, const std::filesystem::path& folder, const std::string& needs) {
  constexpr double little = 1 << 30;
  Finding finding{std::move(name), ""};
  std::error_code error;
  const auto found = std::filesystem::space(folder, error);
  const bool writable = ::access(folder.c_str(), W_OK) == 0;
  finding.figures = {{"folder", folder.string()}, {"writable", writable}};
  if (error) {
    finding.text = fmt::format("{}: {}", folder.string(), error.message());
    finding.advice = "its free space cannot be told";
    return finding;
  }
  const auto available = static_cast<double>(found.available);
  finding.figures["available_bytes"] = available;
  finding.text = fmt::format("{} free at {}", bytes_text(available), folder.string());
  if (!writable)
    finding.advice = fmt::format("{} cannot be written here", needs);
  else if (available < little)
    finding.advice = fmt::format("less than 1 GiB is free for {}", needs);
  return finding;
}

Finding temporary_folder() {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) return {"temporary files", error.message(), {}, "set TMPDIR to a folder"};
  return space("temporary files", folder, "the logits that `perplexity --base` compares with");
}

Finding open_files() {
  constexpr rlim_t few = 256;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  Finding finding{"open files", fmt::format("{} (may be raised to {})", limit.rlim_cur, limit.rlim_max)};
  finding.figures = {{"limit", limit.rlim_cur}, {"hard_limit", limit.rlim_max}};
  if (limit.rlim_cur < few) finding.advice = "models in many files need one each: ulimit -n 1024";
  return finding;
}

}  // namespace

std::vector<Finding> check_storage() {
  std::error_code error;
  std::filesystem::path here = std::filesystem::current_path(error);
  if (error) here = ".";
  return {space("disk", here, "results/store, where runs keep finished cells unless --out names a folder,"),
          temporary_folder(), open_files()};
}

}  // namespace quantbench
