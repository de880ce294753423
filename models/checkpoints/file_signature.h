// Telling by the first bytes what a file is, and what to do when it is not a checkpoint that can be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace quantbench {

enum class FileKind { gguf, safetensors, json, other };

/// By content only. Files that are too short to say are `other`.
FileKind kind_of(std::span<const std::byte> file);

/// For an `other` file: what it is and what to do, e.g. "a git-lfs pointer, not the file itself; run `git lfs pull`";
/// else its first bytes in hexadecimal. No claim is made about files of the other kinds beyond their kind.
std::string describe_contents(std::span<const std::byte> file);

/// True when there is nothing at `path`. What is there but cannot be looked at is not absent: opening it says why.
bool is_absent(const std::filesystem::path& path);

}  // namespace quantbench
