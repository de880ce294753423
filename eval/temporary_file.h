// A file that is gone in the end.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>

namespace quantbench {

/// A file name that is unlinked in the end, whatever happens. `purpose` is part of the name.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view purpose)
      : path_(std::filesystem::temp_directory_path() / fmt::format("quantbench_{}_{}", purpose, ::getpid())) {}
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
