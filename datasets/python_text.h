// What Python makes of text, where published data sets were prepared with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// `text.strip()`. `text` is UTF-8.
std::string_view python_strip(std::string_view text);

/// The lines of a file opened as text, each with its "\n"; "\r\n" and "\r" end lines, too, and become "\n".
std::vector<std::string> python_lines(std::string_view content);

}  // namespace quantbench
