// A file that is gone in the end.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace quantbench {

/// A name in the folder of temporary files that no other process uses. `purpose` is part of it.
inline std::filesystem::path temporary_path(std::string_view purpose) {
  return std::filesystem::temp_directory_path() / fmt::format("quantbench_{}_{}", purpose, ::getpid());
}

/// A file, there or not yet, that is removed in the end, whatever happens.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace quantbench
