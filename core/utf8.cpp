#include "core/utf8.h"

#include <fmt/format.h>

#include <cstddef>

namespace quantbench {
namespace {

/// Bytes of the well-formed sequence that `text` (not empty) starts with; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  // Only the second byte has a narrower range: it is what excludes overlong forms, surrogates and code points too high.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t index = 2; index < length; ++index)
    if (byte(index) < 0x80 || byte(index) > 0xBF) return 0;
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr std::size_t most = 80;
  std::string result = "'";
  std::size_t position = 0;
  while (position < text.size() && position < most) {
    const std::size_t length = sequence_length(text.substr(position));
    const auto lead = static_cast<unsigned char>(text[position]);
    if (length == 0 || lead < 0x20 || lead == 0x7F) {
      result += fmt::format("\\x{:02x}", lead);
      ++position;
    } else {
      result += text.substr(position, length);
      position += length;
    }
  }
  result += "'";
  if (position < text.size()) result += fmt::format(" ... ({} bytes)", text.size());
  return result;
}

}  // namespace quantbench
