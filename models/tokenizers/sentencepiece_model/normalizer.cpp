#include "models/tokenizers/sentencepiece_model/normalizer.h"

#include "models/tokenizers/unicode_text.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceModelFile& model,
                                                 const UserDefinedTokens& user_defined)
    : user_defined_(user_defined),
      adds_prefix_(model.add_dummy_prefix),
      removes_spaces_(model.remove_extra_whitespaces) {
  if (!model.character_map.empty()) map_.emplace(model.character_map, model.file + ": precompiled_charsmap");
}

SentencePieceNormalizer::Prefix SentencePieceNormalizer::next(std::string_view text) const {
  if (const TextFragment* const token = user_defined_.longest_at(text)) return {token->text.size(), token->text};
  if (map_) {
    const auto matches = map_->prefixes(text);
    if (!matches.empty()) return {matches.back().length, matches.back().replacement};
  }
  const std::size_t length = std::max<std::size_t>(utf8_character_length(text), 1);
  return {length, text.substr(0, length)};
}

std::string SentencePieceNormalizer::operator()(std::string_view text) const {
  while (removes_spaces_ && !text.empty() && next(text).text == " ") text.remove_prefix(next(text).length);
  if (text.empty()) return {};
  std::string out(adds_prefix_ ? space_mark : "");
  bool after_space = removes_spaces_;
  while (!text.empty()) {
    auto [length, part] = next(text);
    text.remove_prefix(length);
    while (after_space && part.starts_with(' ')) part.remove_prefix(1);
    if (part.empty()) continue;
    out += with_replacement(part, " ", space_mark);
    after_space = removes_spaces_ && part.ends_with(' ');
  }
  while (removes_spaces_ && out.ends_with(space_mark)) out.resize(out.size() - space_mark.size());
  return out;
}

}  // namespace quantbench
