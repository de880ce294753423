#include "datasets/text.h"

#include <cstddef>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace quantbench {
namespace {

struct LeadByte {
  std::size_t length = 0;  // bytes of the sequence; 0: no sequence starts with this byte
  unsigned char second_least = 0x80, second_most = 0xBF;
};

LeadByte lead_byte(unsigned char byte) {
  if (byte <= 0x7F) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

/// Bytes of the well-formed sequence at the start of `text`; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const LeadByte lead = lead_byte(static_cast<unsigned char>(text[0]));
  if (lead.length == 0 || lead.length > text.size()) return 0;
  for (std::size_t index = 1; index < lead.length; ++index) {
    const auto byte = static_cast<unsigned char>(text[index]);
    const unsigned char least = index == 1 ? lead.second_least : 0x80;
    const unsigned char most = index == 1 ? lead.second_most : 0xBF;
    if (byte < least || byte > most) return 0;
  }
  return lead.length;
}

}  // namespace

std::size_t first_invalid_utf8(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t length = sequence_length(text.substr(offset));
    if (length == 0) return offset;
    offset += length;
  }
  return offset;
}

Text load_text(const std::filesystem::path& path) {
  Text text{.name = path.filename().string(), .content = read_text(path), .sha256 = {}};
  if (text.content.empty()) fail("{}: the text is empty", path.string());
  const std::size_t invalid = first_invalid_utf8(text.content);
  if (invalid != text.content.size())
    fail("{}: not UTF-8 text: byte {} at offset {} begins no valid character", path.string(),
         static_cast<unsigned>(static_cast<unsigned char>(text.content[invalid])), invalid);
  text.sha256 = sha256(std::string_view(text.content));
  return text;
}

}  // namespace quantbench
