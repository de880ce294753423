// UTF-8 as a rule for names read from files, and a form of any bytes that is safe to print.
#pragma once

#include <string>
#include <string_view>

namespace quantbench {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF (Unicode 15, table 3-7).
bool is_utf8(std::string_view text);

/// `text` in single quotes for an error message: control characters and bytes that are not UTF-8 as \xNN, and at most
/// 80 bytes of it, followed by its length when it is longer.
std::string printable(std::string_view text);

}  // namespace quantbench
