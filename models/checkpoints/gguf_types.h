// The tensor types of GGUF files: sizes of all of them, so that a file can be laid out and listed even where some of
// its types cannot be decoded. Source: the type enumeration and block sizes of the GGUF specification.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quantbench {

struct GgufType {
  std::uint32_t id;
  std::string_view name;
  std::uint32_t block;  // weights
  std::uint32_t bytes;  // of a block
};

/// All known types by ascending id.
std::span<const GgufType> gguf_types();

/// Null for ids that never existed or were removed from the format.
const GgufType* find_gguf_type(std::uint32_t id);

/// What an id that find_gguf_type does not know may be, as the end of a sentence: "; removed from the format", or "".
std::string_view unknown_gguf_type_hint(std::uint32_t id);

/// Bytes of a tensor; none when a product overflows 64 bits or the element count exceeds 2^63 - 1.
/// `dims[0]` must be a multiple of the type's block. A tensor without dimensions is one element.
std::optional<std::uint64_t> gguf_tensor_bytes(const GgufType& type, std::span<const std::uint64_t> dims);

}  // namespace quantbench
