// A directory under construction.
#pragma once

#include <filesystem>

namespace quantbench {

/// Files go to a temporary directory beside `path`, which `commit` renames to `path`; without `commit` (an error on the way)
/// it is removed with all that is in it. So nothing is ever seen half-written.
class NewDirectory {
 public:
  /// Throws Error when there is something at `path` other than an empty directory, and when nothing can be written beside it.
  explicit NewDirectory(const std::filesystem::path& path);
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  /// Throws the Error of the constructor, if it would.
  static void check_free(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
};

}  // namespace quantbench
