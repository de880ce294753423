// The element types of safetensors files. Source: the dtype list of the safetensors format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

struct SafetensorsType {
  std::string_view name;
  std::uint32_t bits;
  std::uint32_t gguf_type;  // of the same numbers; no_gguf_type when GGUF has none
};

/// Null when there is no such type.
const SafetensorsType* find_safetensors_type(std::string_view name);
std::vector<std::string> safetensors_type_names();

}  // namespace quantbench
