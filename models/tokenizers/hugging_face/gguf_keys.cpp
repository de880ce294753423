#include "models/tokenizers/hugging_face/gguf_keys.h"

#include <algorithm>

#include "core/utf8.h"

namespace quantbench {
namespace {

using nlohmann::json;

std::size_t size_of_vocabulary(const json& vocabulary, const std::vector<AddedToken>& added) {
  TokenId largest = -1;
  for (const auto& [token, id] : vocabulary.items()) largest = std::max(largest, id.get<TokenId>());
  for (const AddedToken& token : added) largest = std::max(largest, token.id);
  return static_cast<std::size_t>(largest) + 1;
}

void check_switches(const AddedToken& token) {
  if (token.special) return;
  const char* const what = token.left_strip || token.right_strip ? "takes white space with it"
                           : token.single_word                   ? "stands alone only"
                                                                 : nullptr;
  if (what != nullptr) fail("the added token {} {}", printable(token.content), what);
}

std::optional<TokenId> id_of(const GgufKeys& keys, const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  const auto found = std::ranges::find(keys.tokens, *name);
  return found == keys.tokens.end() ? std::nullopt : std::optional(static_cast<TokenId>(found - keys.tokens.begin()));
}

}  // namespace

void set_tokens(GgufKeys& keys, const HuggingFaceParts& parts) {
  const json& vocabulary = parts.document.at("model").at("vocab");
  std::vector<AddedToken> added;
  if (parts.document.contains("added_tokens")) added = read_added_tokens(parts.document.at("added_tokens"), parts.file);
  keys.tokens.resize(size_of_vocabulary(vocabulary, added));
  keys.types.assign(keys.tokens.size(), TokenType::normal);
  for (const auto& [token, id] : vocabulary.items()) keys.tokens[id.get<std::size_t>()] = token;
  for (const AddedToken& token : added) {
    check_switches(token);
    keys.tokens[static_cast<std::size_t>(token.id)] = token.content;
    keys.types[static_cast<std::size_t>(token.id)] = token.special ? TokenType::control : TokenType::user_defined;
  }
}

void pad_tokens(GgufKeys& keys, std::size_t rows) {
  if (rows != 0 && keys.tokens.size() > rows) fail("{} tokens for {} rows of the embedding", keys.tokens.size(), rows);
  keys.tokens.resize(std::max(rows, keys.tokens.size()));
  keys.types.resize(keys.tokens.size(), TokenType::unused);
  if (keys.model == "llama") keys.scores.resize(keys.tokens.size(), 0);
  for (std::size_t index = 0; index < keys.tokens.size(); ++index) {
    if (!keys.tokens[index].empty()) continue;
    keys.tokens[index] = fmt::format("[unused{}]", index);
    // An unused token could be spelt by text; one that is control cannot.
    keys.types[index] = TokenType::control;
  }
}

void set_special_ids(GgufKeys& keys, const SpecialTokenNames& names, std::optional<TokenId> leading_bos) {
  keys.bos = leading_bos ? leading_bos : id_of(keys, names.bos);
  keys.add_bos = leading_bos.has_value();
  keys.eos = id_of(keys, names.eos);
  keys.padding = id_of(keys, names.padding);
  if (!keys.unknown) keys.unknown = id_of(keys, names.unknown);
}

}  // namespace quantbench
