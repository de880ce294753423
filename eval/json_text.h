// How JSON is printed for other programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace quantbench {

/// Indented by two, with a line feed at the end. Bytes that are no UTF-8, as names of files may have, become U+FFFD.
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace quantbench
