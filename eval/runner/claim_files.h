// The files of claims (claims.h): how they are read, and how one is made. For claims.cpp alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "eval/runner/claims.h"

namespace quantbench {

inline constexpr const char* claims_folder = "claims";
inline constexpr const char* processes_folder = "processes";
inline constexpr std::string_view draft_prefix = "draft-";

struct FileContent {
  std::string text;  // its first 64 KiB: no claim and no process's file is larger
  FileTime modified;
};
/// Nothing when it is not there (any more). Opening it makes network file systems ask for its current time.
std::optional<FileContent> read_small_file(const std::filesystem::path& path);

/// `seen`: another sign of life of the process.
Holder holder_of(const std::filesystem::path& store, const std::string& identity, FileTime seen, FileTime now);

struct ClaimFile {
  std::filesystem::path path;
  std::string name;
  std::uint64_t number = 0;
};
/// Of one name, by number.
std::vector<ClaimFile> claims_of(const std::filesystem::path& store, const std::string& name);
/// Nothing when it was given up meanwhile.
std::optional<ClaimState> read_claim(const std::filesystem::path& store, const ClaimFile& file, FileTime now);
/// Of a claim's text; empty where it is damaged.
std::string token_of(const std::string& claim);

template <class Visit>
void for_each_file(const std::filesystem::path& folder, const Visit& visit) {
  std::error_code gone;  // files may vanish while they are listed
  for (std::filesystem::directory_iterator it(folder, gone), end; !gone && it != end; it.increment(gone))
    visit(it->path());
}

/// A new file with `text` that is removed at the end; its name says whose it is. Throws Error when it cannot be written.
class Draft {
 public:
  Draft(const std::filesystem::path& folder, const std::string& text);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// False when the name is taken. Throws Error when the file system has no hard links.
  bool link_to(const std::filesystem::path& target) const;

 private:
  std::filesystem::path path_;
};
/// The identity in the name of a draft; empty for other files.
std::string writer_of_draft(const std::filesystem::path& path);

}  // namespace quantbench
