// Every storage format by its id or by its GGUF type.
//
// The fixed formats come from the compile-time list in formats/all.h; integer formats are made on demand from their id,
// `int<bits>:<tensor|row|gN>[:sym][:scale=f32]`.
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

/// Ids of all fixed formats and one example of every integer family member that tests and listings should cover.
std::vector<std::string> format_ids();

}  // namespace quantbench
