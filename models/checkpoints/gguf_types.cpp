#include "models/checkpoints/gguf_types.h"

#include <algorithm>
#include <array>
#include <limits>

namespace quantbench {
namespace {

constexpr std::array<GgufType, 35> types = {{
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},    {41, "Q1_0", 128, 18},    {42, "Q2_0", 64, 18},
}};

}  // namespace

std::span<const GgufType> gguf_types() { return types; }

const GgufType* find_gguf_type(std::uint32_t id) {
  const auto* found = std::ranges::lower_bound(types, id, {}, &GgufType::id);
  return found != types.end() && found->id == id ? &*found : nullptr;
}

std::string_view unknown_gguf_type_hint(std::uint32_t id) {
  if (id == 4 || id == 5 || id == 31 || id == 32 || id == 33 || id == 37 || id == 38)
    return "; the type was removed from the format";
  if (id == 36)
    return "; the type was removed from the format, and the ik_llama.cpp fork uses the id for a type of its own";
  if (id >= 97 && id <= 399) return "; the ik_llama.cpp fork uses ids from 97 to 399 for types of its own";
  return "";
}

std::optional<std::uint64_t> gguf_tensor_bytes(const GgufType& type, std::span<const std::uint64_t> dims) {
  // A zero dimension makes the tensor empty whatever the others are; without this the order of the factors would
  // decide.
  if (std::ranges::find(dims, std::uint64_t{0}) != dims.end()) return 0;
  std::uint64_t elements = 1;
  for (const std::uint64_t dim : dims)
    if (__builtin_mul_overflow(elements, dim, &elements)) return std::nullopt;
  if (elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements / type.block, std::uint64_t{type.bytes}, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace quantbench
