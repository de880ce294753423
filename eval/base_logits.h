// The base model's logits at every scored position, kept in a file so that memory does not grow with the text: written
// once per run, then mapped and read by every cell that reports a KL divergence.
//
// File, little-endian: 8 bytes "QBLOGIT1", u64 vocabulary, u64 positions, u64 bytes of the key, the key padded with
// zeros to a multiple of 64 bytes, positions x vocabulary f32 logits padded to a multiple of 8 bytes, positions f64 log
// normalizers. The key is free text that says what the logits belong to (model, text, protocol ...); a file with
// another key is never used.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "eval/metrics/log_softmax.h"

namespace quantbench {

/// Read-only; cheap to move.
class BaseLogits {
 public:
  /// Throws Error naming the file when it is malformed or truncated or when its key is not `key`.
  BaseLogits(const std::filesystem::path& path, std::string_view key);

  std::size_t vocabulary() const { return vocabulary_; }
  /// Scored positions of all windows.
  std::size_t positions() const { return positions_; }
  LogitsRow row(std::size_t position) const;
  /// Gives back the memory that the rows take, until they are read again.
  void release(std::size_t first_position, std::size_t count) const;

 private:
  MappedFile file_;
  std::size_t vocabulary_ = 0;
  std::size_t positions_ = 0;
  std::size_t logits_offset_ = 0;
  std::size_t normalizers_offset_ = 0;
};

/// The logits at `path` when a well-formed file with this key is there, e.g. from an interrupted run; else nothing.
std::optional<BaseLogits> find_base_logits(const std::filesystem::path& path, std::string_view key);

/// Writes such a file row by row; nothing is seen at `path` before `commit`.
class BaseLogitsWriter {
 public:
  BaseLogitsWriter(const std::filesystem::path& path, std::string_view key, std::size_t vocabulary,
                   std::size_t positions);
  /// Appends the next position. Throws Error on a row of another length or a full disk.
  void add(LogitsRow row);
  /// Throws Error unless exactly `positions` rows were added.
  void commit();

 private:
  AtomicFile file_;
  std::size_t vocabulary_;
  std::size_t positions_;
  std::vector<double> normalizers_;
};

}  // namespace quantbench
