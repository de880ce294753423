#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

struct LeadByte {
  std::size_t length = 0;           // of the character; 0: no character starts with this byte
  unsigned char second_low = 0x80;  // range of the second byte: it is what excludes overlong forms and surrogates
  unsigned char second_high = 0xBF;
};

LeadByte lead_byte(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

std::size_t utf8_character_length(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const LeadByte lead = lead_byte(byte(0));
  if (lead.length <= 1) return lead.length;
  if (text.size() < lead.length || byte(1) < lead.second_low || byte(1) > lead.second_high) return 0;
  for (std::size_t index = 2; index < lead.length; ++index) {
    if ((byte(index) & 0xC0) != 0x80) return 0;
  }
  return lead.length;
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size()) {
    const std::size_t character = utf8_character_length(text.substr(length));
    if (character == 0) break;
    length += character;
  }
  return length;
}

std::size_t invalid_utf8_prefix(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && utf8_character_length(text.substr(length)) == 0) ++length;
  return length;
}

}  // namespace quantbench
