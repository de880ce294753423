// Reading files by mapping, and writing them so that nothing is ever seen half-written.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace quantbench {

/// A read-only mapping of a whole file; an empty file maps to an empty span. Movable, not copyable.
/// Throws Error naming the path when the file cannot be opened, is not a regular file or cannot be mapped.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  /// True when `part` lies in the mapping; its whole pages are then given back to the system, and read again from the file
  /// when they are touched. For readers that walk through files larger than the memory.
  bool release(std::span<const std::byte> part) const;

 private:
  std::span<const std::byte> bytes_;
};

/// The whole file as text. Throws Error naming the path.
std::string read_text(const std::filesystem::path& path);

/// A file under construction: bytes go to a temporary file in the same directory, and `commit` flushes it to the disk
/// and renames it to `path`. Without `commit` (an error on the way) the temporary file is removed and `path` is
/// untouched.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends all of `bytes`; throws Error on a short write (disk full).
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Writes `text` to `path` atomically (see AtomicFile).
void write_text_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace quantbench
