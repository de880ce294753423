#include "models/tokenizers/piece_text.h"

#include "models/tokenizers/unicode_text.h"

namespace quantbench {

std::string decode_pieces(const Vocabulary& vocabulary, std::span<const TokenId> ids, SpacePrefix prefix) {
  constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581
  std::string text;
  bool after_prefix = prefix != SpacePrefix::none;
  for (const TokenId id : ids) {
    vocabulary.check_id(id);
    const TokenType type = vocabulary.type(id);
    if (type == TokenType::control) continue;
    std::string_view token = vocabulary.token(id);
    if (type == TokenType::byte) {
      text.push_back(static_cast<char>(*byte_of_token(token)));
    } else {
      const bool drops_mark = after_prefix && type != TokenType::user_defined && token.starts_with(space_mark);
      if (drops_mark) token.remove_prefix(space_mark.size());
      text += with_replacement(token, space_mark, " ");
    }
    after_prefix = prefix == SpacePrefix::of_each_stretch && type == TokenType::user_defined;
  }
  return text;
}

}  // namespace quantbench
