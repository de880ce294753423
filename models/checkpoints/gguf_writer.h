// Writes GGUF version 3 files. Source: the GGUF specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

/// A tensor to be written: dims[0] is the row length, `type` a GGUF type id.
struct GgufTensorInfo {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint32_t type = 0;
};

/// Everything is declared first, then the bytes of the tensors are appended in the declared order; nothing of the file
/// is seen under its name before `commit`.
///
///   GgufWriter writer("out.gguf", metadata, infos);
///   for (...) writer.append(name, bytes);
///   writer.commit();
class GgufWriter {
 public:
  /// Tensors are aligned to `general.alignment` of the metadata (a power of two from 8 on), else to 32 bytes.
  /// Throws Error for keys, names, types or shapes that the format does not allow, and when the file cannot be created.
  GgufWriter(std::filesystem::path path, const Metadata& metadata, const std::vector<GgufTensorInfo>& tensors);

  /// All bytes of the next declared tensor. Throws Error when `name` is not its name or the size is not its size.
  void append(std::string_view name, std::span<const std::byte> bytes);

  /// Throws Error when a declared tensor has not been appended.
  void commit();

 private:
  struct Planned {
    std::string name;
    std::uint64_t bytes = 0;
  };

  std::string plan(const Metadata& metadata, const std::vector<GgufTensorInfo>& tensors);
  void write(std::string_view bytes);
  void pad();

  std::filesystem::path path_;
  AtomicFile file_;
  std::uint64_t alignment_ = 0;
  std::uint64_t written_ = 0;
  std::vector<Planned> planned_;
  std::size_t appended_ = 0;
};

}  // namespace quantbench
