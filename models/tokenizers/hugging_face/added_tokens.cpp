#include "models/tokenizers/hugging_face/added_tokens.h"

#include <algorithm>
#include <set>

#include "models/tokenizers/hugging_face/json_object.h"
#include "models/tokenizers/unicode_text.h"

namespace quantbench {
namespace {

AddedToken read_added_token(const JsonObject& object) {
  object.check_keys({"id", "content", "special", "normalized", "lstrip", "rstrip", "single_word"});
  AddedToken token;
  token.id = token_id_of_json(object.at("id"), object.place_of("id"));
  token.content = object.text("content");
  if (token.content.empty()) object.fail_at("content", "is empty");
  token.special = object.boolean("special", false);
  token.normalized = object.boolean("normalized", !token.special);
  token.left_strip = object.boolean("lstrip", false);
  token.right_strip = object.boolean("rstrip", false);
  token.single_word = object.boolean("single_word", false);
  return token;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const std::int32_t before = last_code_point(text.substr(0, begin));
  const std::int32_t after = first_code_point(text.substr(end));
  return !(before >= 0 && is_word_character(before)) && !(after >= 0 && is_word_character(after));
}

}  // namespace

std::vector<AddedToken> read_added_tokens(const nlohmann::json& list, const std::string& place) {
  if (!list.is_array()) fail("{}: found {}, expected a list", place, kind_of_json(list));
  std::vector<AddedToken> tokens;
  std::set<TokenId> ids;
  for (const nlohmann::json& item : list) {
    tokens.push_back(read_added_token(JsonObject(item, fmt::format("{}[{}]", place, tokens.size()))));
    if (!ids.insert(tokens.back().id).second)
      fail("{}[{}]: id {} is that of a token before it", place, tokens.size() - 1, tokens.back().id);
  }
  return tokens;
}

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens, bool of_normalized_text,
                                     const Normalizer& normalizer) {
  for (const AddedToken& token : tokens) {
    if (token.normalized != of_normalized_text) continue;
    std::string text = of_normalized_text ? normalizer(token.content) : token.content;
    if (text.empty()) continue;
    auto& entries = by_first_byte_[static_cast<unsigned char>(text[0])];
    entries.push_back({std::move(text), token});
  }
  for (auto& entries : by_first_byte_) {
    std::ranges::stable_sort(entries, [](const Entry& a, const Entry& b) { return a.text.size() > b.text.size(); });
  }
}

const AddedTokenMatcher::Entry* AddedTokenMatcher::longest_at(std::string_view rest) const {
  for (const Entry& entry : by_first_byte_[static_cast<unsigned char>(rest[0])]) {
    if (rest.starts_with(entry.text)) return &entry;
  }
  return nullptr;
}

std::vector<TextFragment> AddedTokenMatcher::split(std::string_view text) const {
  std::vector<TextFragment> fragments;
  std::size_t covered = 0;
  for (std::size_t place = 0; place < text.size();) {
    const Entry* const entry = longest_at(text.substr(place));
    if (entry == nullptr) {
      ++place;
      continue;
    }
    std::size_t begin = place;
    std::size_t end = place + entry->text.size();
    place = end;
    if (entry->token.special) continue;
    if (entry->token.single_word && !stands_alone(text, begin, end)) continue;
    if (entry->token.left_strip) begin -= trailing_whitespace(text.substr(covered, begin - covered));
    if (entry->token.right_strip) end += leading_whitespace(text.substr(end));
    if (covered < begin) fragments.push_back({text.substr(covered, begin - covered)});
    fragments.push_back({text.substr(begin, end - begin), entry->token.id});
    covered = end;
    place = end;
  }
  if (covered < text.size()) fragments.push_back({text.substr(covered)});
  return fragments;
}

}  // namespace quantbench
