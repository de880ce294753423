// Where UTF-8 is valid, so that tokenizers can take characters apart and treat everything else as plain bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace quantbench {

/// The length in bytes (1-4) of the character that `text` starts with, or 0 when it does not start with a well-formed
/// one (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF, not cut off). `text` must not be empty.
std::size_t utf8_character_length(std::string_view text);

/// The length of the longest prefix of `text` that is entirely well-formed.
std::size_t valid_utf8_prefix(std::string_view text);

/// The length of the longest prefix of `text` in which no well-formed character starts.
std::size_t invalid_utf8_prefix(std::string_view text);

}  // namespace quantbench
