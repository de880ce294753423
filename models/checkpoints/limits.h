// The limits that the checkpoint readers put on what a file may ask for, in one table.
//
// They are far above what real files hold and far below what would exhaust a machine; lengths are compared with the
// bytes left in the file as well, so memory is always in proportion to the file.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quantbench::limits {

inline constexpr std::uint64_t gguf_key_bytes = 65535;
inline constexpr std::uint64_t gguf_string_bytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t gguf_array_elements = std::uint64_t{1} << 30;
inline constexpr std::uint64_t gguf_alignment = std::uint64_t{1} << 20;
inline constexpr std::uint64_t gguf_dimensions = 4;
inline constexpr std::uint64_t gguf_tensor_name_bytes = 63;
inline constexpr std::uint64_t gguf_shards = 65535;
inline constexpr std::uint64_t safetensors_header_bytes = 100'000'000;
inline constexpr std::uint64_t json_depth = 64;

struct Limit {
  std::string_view name;
  std::uint64_t value;
  std::string_view meaning;
};

inline constexpr std::array<Limit, 9> table = {{
    {"gguf key", gguf_key_bytes, "bytes of a metadata key"},
    {"gguf string", gguf_string_bytes, "bytes of a metadata string"},
    {"gguf array", gguf_array_elements, "elements of a metadata array"},
    {"gguf alignment", gguf_alignment, "bytes of general.alignment"},
    {"gguf dimensions", gguf_dimensions, "dimensions of a tensor"},
    {"gguf tensor name", gguf_tensor_name_bytes, "bytes of a tensor name"},
    {"gguf shards", gguf_shards, "files of a split checkpoint"},
    {"safetensors header", safetensors_header_bytes, "bytes of the JSON header, and of an index file"},
    {"json depth", json_depth, "levels of nesting"},
}};

}  // namespace quantbench::limits
