// The printable spelling of bytes that GPT-2's vocabulary introduced: every byte is one Unicode character, so that a
// token of arbitrary bytes is a readable string. Printable Latin-1 bytes (0x21-0x7E, 0xA1-0xAC, 0xAE-0xFF) stand for
// themselves; the other 68, in order, are U+0100 to U+0143 (a space is U+0120, a line feed U+010A).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quantbench {

/// The bytes that `token` spells, or nothing when it has a character that stands for no byte.
std::optional<std::string> bytes_of_spelling(std::string_view token);

/// The spelling of `bytes`, in UTF-8.
std::string spelling_of_bytes(std::string_view bytes);

}  // namespace quantbench
