#include "models/packed_checkpoints/new_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/error.h"

namespace quantbench {
namespace {

std::filesystem::path without_final_slash(const std::filesystem::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

void NewDirectory::check_free(const std::filesystem::path& path) {
  std::error_code problem;
  const auto status = std::filesystem::symlink_status(path, problem);
  if (status.type() == std::filesystem::file_type::not_found) return;
  const bool free =
      status.type() == std::filesystem::file_type::directory && std::filesystem::is_empty(path, problem) && !problem;
  if (!free) fail("{} exists; give the name of a new directory", path.string());
}

NewDirectory::NewDirectory(const std::filesystem::path& path) : path_(without_final_slash(path)) {
  check_free(path_);
  std::string name = path_.string() + ".partial-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) fail("cannot write beside {}: {}", path_.string(), std::strerror(errno));
  temporary_ = name;
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

void NewDirectory::commit() {
  if (::chmod(temporary_.c_str(), 0755) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail("cannot rename {} to {}: {}", temporary_.string(), path_.string(), std::strerror(errno));
  temporary_.clear();
}

}  // namespace quantbench
