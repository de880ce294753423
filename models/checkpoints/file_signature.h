// Telling by the first bytes what a file is, and what to do when it is not a checkpoint that can be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace quantbench {

enum class FileKind { gguf, safetensors, json, other };

/// By content only. Files that are too short to say are `other`.
FileKind kind_of(std::span<const std::byte> file);

/// For an `other` file: what it is and what to do, e.g. "a git-lfs pointer, not the file itself; run `git lfs pull`";
/// else its first bytes in hexadecimal. No claim is made about files of the other kinds beyond their kind.
std::string describe_contents(std::span<const std::byte> file);

}  // namespace quantbench
