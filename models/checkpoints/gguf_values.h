// Metadata values as GGUF files encode them. Source: the value types of the GGUF specification, versions 2 and 3.
#pragma once

#include <string>
#include <string_view>

#include "core/byte_cursor.h"
#include "models/checkpoints/checkpoint.h"

namespace quantbench {

inline constexpr std::string_view gguf_magic = "GGUF";
inline constexpr std::string_view gguf_alignment_key = "general.alignment";
inline constexpr std::uint32_t gguf_default_alignment = 32;

/// Type id, then the value. Throws Error for an unknown type, an array of arrays, a bool that is neither 0 nor 1, and
/// lengths beyond the file or the limits.
MetadataValue read_gguf_value(ByteCursor& cursor);

/// The inverse of read_gguf_value, appended to `out`.
void append_gguf_value(std::string& out, const MetadataValue& value);

/// Length as u64, then the bytes.
void append_gguf_string(std::string& out, std::string_view text);

template <class T>
void append_little_endian(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// What is wrong with a metadata key ("is empty", ...); empty when nothing is. The rules hold for readers and writers.
std::string gguf_key_fault(std::string_view key);
std::string gguf_tensor_name_fault(std::string_view name);
std::string gguf_alignment_fault(const MetadataValue& value);

}  // namespace quantbench
