#include "models/checkpoints/safetensors_types.h"

#include <algorithm>
#include <array>

#include "models/checkpoints/checkpoint.h"

namespace quantbench {
namespace {

constexpr std::array<SafetensorsType, 22> types = {{
    {"F32", 32, 0},
    {"F16", 16, 1},
    {"BF16", 16, 30},
    {"F64", 64, 28},
    {"I8", 8, 24},
    {"I16", 16, 25},
    {"I32", 32, 26},
    {"I64", 64, 27},
    {"BOOL", 8, no_gguf_type},
    {"U8", 8, no_gguf_type},
    {"U16", 16, no_gguf_type},
    {"U32", 32, no_gguf_type},
    {"U64", 64, no_gguf_type},
    {"C64", 64, no_gguf_type},
    {"F4", 4, no_gguf_type},
    {"F6_E2M3", 6, no_gguf_type},
    {"F6_E3M2", 6, no_gguf_type},
    {"F8_E5M2", 8, no_gguf_type},
    {"F8_E4M3", 8, no_gguf_type},
    {"F8_E8M0", 8, no_gguf_type},
    {"F8_E4M3FNUZ", 8, no_gguf_type},
    {"F8_E5M2FNUZ", 8, no_gguf_type},
}};

}  // namespace

const SafetensorsType* find_safetensors_type(std::string_view name) {
  const auto* found = std::ranges::find(types, name, &SafetensorsType::name);
  return found == types.end() ? nullptr : &*found;
}

std::vector<std::string> safetensors_type_names() {
  std::vector<std::string> names;
  for (const SafetensorsType& type : types) names.emplace_back(type.name);
  return names;
}

}  // namespace quantbench
