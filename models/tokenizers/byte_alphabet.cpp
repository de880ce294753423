#include "models/tokenizers/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr unsigned first_stand_in = 0x100;

struct Alphabet {
  std::array<std::uint16_t, 256> character_of_byte{};
  std::array<std::int16_t, 0x144> byte_of_character{};  // -1: none
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& byte : alphabet.byte_of_character) byte = -1;
  unsigned next = first_stand_in;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const unsigned character = stands_for_itself(byte) ? byte : next++;
    alphabet.character_of_byte[byte] = static_cast<std::uint16_t>(character);
    alphabet.byte_of_character[character] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet alphabet = make_alphabet();

/// The code point of a character of one or two bytes; all of the alphabet are below U+0800.
std::optional<unsigned> short_code_point(std::string_view character) {
  const auto byte = [&](std::size_t index) {
    return static_cast<unsigned>(static_cast<unsigned char>(character[index]));
  };
  if (character.size() == 1) return byte(0);
  if (character.size() == 2) return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> bytes_of_spelling(std::string_view token) {
  std::string bytes;
  while (!token.empty()) {
    const std::size_t length = utf8_character_length(token);
    const std::optional<unsigned> code_point = short_code_point(token.substr(0, length));
    if (!code_point || *code_point >= alphabet.byte_of_character.size()) return std::nullopt;
    const std::int16_t byte = alphabet.byte_of_character[*code_point];
    if (byte < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    token.remove_prefix(length);
  }
  return bytes;
}

std::string spelling_of_bytes(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) {
    const unsigned character = alphabet.character_of_byte[static_cast<unsigned char>(byte)];
    if (character < 0x80) {
      spelling.push_back(static_cast<char>(character));
    } else {
      spelling.push_back(static_cast<char>(0xC0 | character >> 6));
      spelling.push_back(static_cast<char>(0x80 | (character & 0x3F)));
    }
  }
  return spelling;
}

}  // namespace quantbench
