#include "models/tokenizers/user_defined_tokens.h"

#include <algorithm>

namespace quantbench {

UserDefinedTokens::UserDefinedTokens(const Vocabulary& vocabulary) {
  for (std::size_t index = 0; index < vocabulary.tokens.size(); ++index) {
    const std::string_view token = vocabulary.tokens[index];
    if (vocabulary.types[index] != TokenType::user_defined || token.empty()) continue;
    by_first_byte_[static_cast<unsigned char>(token[0])].push_back({token, static_cast<TokenId>(index)});
  }
  for (auto& tokens : by_first_byte_) {
    std::stable_sort(tokens.begin(), tokens.end(),
                     [](const TextFragment& a, const TextFragment& b) { return a.text.size() > b.text.size(); });
  }
}

const TextFragment* UserDefinedTokens::longest_at(std::string_view rest) const {
  for (const TextFragment& token : by_first_byte_[static_cast<unsigned char>(rest[0])]) {
    if (rest.starts_with(token.text)) return &token;
  }
  return nullptr;
}

std::vector<TextFragment> UserDefinedTokens::split(std::string_view text) const {
  std::vector<TextFragment> fragments;
  std::size_t begin = 0;
  std::size_t place = 0;
  const auto add_plain_text = [&] {
    if (begin < place) fragments.push_back({text.substr(begin, place - begin)});
  };
  while (place < text.size()) {
    const TextFragment* const token = longest_at(text.substr(place));
    if (token == nullptr) {
      ++place;
      continue;
    }
    add_plain_text();
    fragments.push_back({text.substr(place, token->text.size()), token->id});
    place += token->text.size();
    begin = place;
  }
  add_plain_text();
  return fragments;
}

}  // namespace quantbench
