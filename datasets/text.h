// A text to evaluate or calibrate on.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace quantbench {

struct Text {
  std::string name;     // file name without its directory: reports must not depend on where a file lies
  std::string content;  // UTF-8, exactly the bytes of the file (line ends and a byte order mark are kept)
  std::string sha256;   // of `content`
};

/// Throws Error naming the file when it cannot be read, is empty, or is not UTF-8 (with the offset of the first bad
/// byte).
Text load_text(const std::filesystem::path& path);

/// The offset of the first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no
/// surrogates, nothing above U+10FFFF); text.size() when all of it is well formed.
std::size_t first_invalid_utf8(std::string_view text);

}  // namespace quantbench
