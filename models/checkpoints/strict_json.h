// JSON from files that cannot be trusted: nesting is bounded while the text is read, a key that stands twice in an
// object is an error instead of the last one winning, and nothing may follow the value.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace quantbench {

/// `source` names the file (and the place in it) in messages. Throws Error for anything but one well-formed JSON value
/// in UTF-8, numbers out of range included.
nlohmann::json parse_strict_json(std::string_view text, const std::string& source);

}  // namespace quantbench
