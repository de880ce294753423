// Writes tensors of any type as a safetensors file, one after the other.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/file.h"
#include "models/packed_checkpoints/stored_tensor.h"

namespace quantbench {

/// All tensors are announced first, then their bytes follow in the same order. The file appears under its name with
/// `commit`; its metadata says {"format": "pt"}, without which the transformers package refuses it.
class SafetensorsStream {
 public:
  /// Throws Error for names that are empty, equal or not UTF-8, and when the file cannot be created.
  SafetensorsStream(const std::filesystem::path& path, std::span<const StoredTensor> announced);

  /// Throws Error unless this is the next tensor with all its bytes.
  void append(const std::string& name, std::span<const std::byte> bytes);
  /// Throws Error when one is missing.
  void commit();

 private:
  struct Expected {
    std::string name;
    std::uint64_t bytes = 0;
  };

  std::filesystem::path path_;
  AtomicFile file_;
  std::vector<Expected> expected_;
  std::size_t appended_ = 0;
};

}  // namespace quantbench
