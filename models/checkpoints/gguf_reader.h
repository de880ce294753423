// Reads GGUF containers, versions 2 and 3. Source: the GGUF specification; where it and the reference reader differ the
// stricter rule is kept unless real files need the other (tensors may leave aligned gaps and stand in any order).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {

struct GgufFile {
  std::uint32_t version = 0;
  std::uint64_t alignment = 0;
  /// Where the data section starts in the file.
  std::uint64_t data_start = 0;
  Metadata metadata;
  std::vector<CheckpointTensor> tensors;  // in the order of the tensor infos; their bytes lie in the given span
};

/// `source` names the file in messages. Memory use is in proportion to the size of `file`. Throws Error naming the
/// file, the byte offset, the field, its value and what was expected.
GgufFile parse_gguf(std::span<const std::byte> file, const std::string& source);

/// Maps and parses a GGUF file, and all other parts when it is one part (any) of a split set, whose files are named
/// `<base>-00001-of-00005.gguf`. The metadata are those of the first part, without the `split.*` keys. Throws Error
/// also for a missing part, and for parts whose number, count or tensors do not fit together.
Checkpoint open_gguf(const std::filesystem::path& path);

}  // namespace quantbench
