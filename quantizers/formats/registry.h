// Every storage format by its id or by its GGUF type.
//
// The fixed formats come from the compile-time list in formats/all.h; those of groups of any size are made on demand from
// their id,
//   int<bits>:<tensor|row|gN>[:sym][:scale=f32]
//   <nf4|fp4>:<tensor|row|gN>[:scale=f16|:dq]          dq: double quantization (formats/double_quantized.h)
//   <fp8_e4m3|fp8_e5m2>:<tensor|row|gN>
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/format.h"

namespace quantbench {

/// The format with this id (canonical or not: defaults may be spelled out). Throws Error with near matches.
std::shared_ptr<const Format> find_format(std::string_view id);

/// The format stored in GGUF files under this type id; null when this version does not decode that type.
std::shared_ptr<const Format> find_gguf_format(std::uint32_t type);

/// Ids of all fixed formats and of examples of the others that tests and listings should cover.
std::vector<std::string> format_ids();

/// Names of the formats whose levels stand for the numbers of a table: "nf4", ...
const std::vector<std::string>& table_names();
/// Whether the id, well-formed or not, starts with one of them.
bool has_float_levels(std::string_view id);

}  // namespace quantbench
