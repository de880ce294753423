#include "models/tokenizers/hugging_face/hugging_face_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/utf8.h"
#include "models/tokenizers/byte_alphabet.h"
#include "models/tokenizers/unicode_text.h"
#include "models/tokenizers/vocabulary.h"

namespace quantbench {
namespace {

using nlohmann::json;

constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581

const json& member_or_null(const json& document, const char* key) {
  static const json null;
  const auto found = document.find(key);
  return found == document.end() ? null : *found;
}

JsonObject checked_document(const json& document, const std::string& file) {
  JsonObject object(document, file);
  object.check_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                     "post_processor", "decoder", "model"});
  if (const auto version = object.text_if_any("version"); version && *version != "1.0")
    object.fail_at("version", "found {}, expected \"1.0\"", printable(*version));
  return object;
}

std::vector<TokenId> ids_of_special(const std::vector<AddedToken>& tokens) {
  std::vector<TokenId> ids;
  for (const AddedToken& token : tokens) {
    if (token.special) ids.push_back(token.id);
  }
  return ids;
}

}  // namespace

HuggingFaceTokenizer::HuggingFaceTokenizer(const json& document, const std::string& file,
                                           const SpecialTokenNames& names)
    : file_(file) {
  const JsonObject object = checked_document(document, file);
  if (object.contains("added_tokens"))
    added_ = read_added_tokens(object.at("added_tokens"), object.place_of("added_tokens"));
  model_ = read_subword_model(object.object("model"), ids_of_special(added_));
  normalizer_ = Normalizer(member_or_null(document, "normalizer"), object.place_of("normalizer"));
  pre_tokenizer_ = PreTokenizerSteps(member_or_null(document, "pre_tokenizer"), object.place_of("pre_tokenizer"));
  raw_matcher_ = AddedTokenMatcher(added_, false, normalizer_);
  normalized_matcher_ = AddedTokenMatcher(added_, true, normalizer_);
  place_added_tokens(object);
  bos_ = find_bos(object, names);
  space_before_text_ = puts_space_in_front(true);
  space_before_stretch_ = puts_space_in_front(false);
  sha256_ = hash(document);
}

void HuggingFaceTokenizer::place_added_tokens(const JsonObject& document) {
  tokens_ = model_->tokens();
  std::unordered_map<std::string_view, TokenId> ids;
  for (std::size_t index = 0; index < model_->tokens().size(); ++index)
    ids.emplace(model_->tokens()[index], static_cast<TokenId>(index));
  added_of_id_.resize(tokens_.size());
  for (const AddedToken& token : added_) {
    const auto index = static_cast<std::size_t>(token.id);
    const auto in_model = ids.find(token.content);
    if (in_model != ids.end() && in_model->second != token.id)
      document.fail_at("added_tokens", "{} has id {}, but {} in the model", printable(token.content), token.id,
                       in_model->second);
    if (index > largest_id_of(model_->tokens().size() + added_.size()))
      document.fail_at("added_tokens", "{} has id {}, far above those of the {} tokens of the model",
                       printable(token.content), token.id, model_->tokens().size());
    if (index >= tokens_.size()) {
      tokens_.resize(index + 1);
      added_of_id_.resize(index + 1);
    }
    if (!tokens_[index].empty() && tokens_[index] != token.content)
      document.fail_at("added_tokens", "{} has id {}, which is that of {} in the model", printable(token.content),
                       token.id, printable(tokens_[index]));
    tokens_[index] = token.content;
    added_of_id_[index] = &token;
  }
}

std::optional<TokenId> HuggingFaceTokenizer::find_bos(const JsonObject& document,
                                                      const SpecialTokenNames& names) const {
  const json* const processor = document.contains("post_processor") ? &document.at("post_processor") : nullptr;
  std::optional<TokenId> leading;
  if (processor != nullptr) leading = leading_token_of(*processor, document.place_of("post_processor"));
  if (leading && static_cast<std::size_t>(*leading) >= tokens_.size())
    document.fail_at("post_processor", "puts id {} before a text, but there are {} tokens", *leading, tokens_.size());
  if (!names.adds_bos) return leading;
  if (!*names.adds_bos) return std::nullopt;
  if (!names.bos) {
    if (leading) return leading;
    fail("{}: add_bos_token of tokenizer_config.json is true, but no bos_token is named", file_);
  }
  const auto found = std::ranges::find(tokens_, *names.bos);
  if (found == tokens_.end()) fail("{}: the bos_token {} is not in the vocabulary", file_, printable(*names.bos));
  return static_cast<TokenId>(found - tokens_.begin());
}

bool HuggingFaceTokenizer::puts_space_in_front(bool starts_text) const {
  const std::vector<TextPiece> words = pre_tokenizer_({normalizer_("a"), starts_text});
  if (words.empty()) return false;
  return words[0].text.starts_with(pre_tokenizer_.is_byte_level() ? spelling_of_bytes(" ") : space_mark);
}

std::string HuggingFaceTokenizer::kind() const {
  return fmt::format("tokenizer.json/{}{}", pre_tokenizer_.is_byte_level() ? "byte-level-" : "", model_->kind());
}

std::vector<TokenId> HuggingFaceTokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  for (const TextFragment& fragment : raw_matcher_.split(text)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
      continue;
    }
    const bool starts_text = fragment.text.data() == text.data();
    const std::string normalized = normalizer_(std::string(fragment.text));
    for (const TextFragment& stretch : normalized_matcher_.split(normalized)) {
      if (stretch.id >= 0) {
        ids.push_back(stretch.id);
      } else {
        append_words({std::string(stretch.text), starts_text && stretch.text.data() == normalized.data()}, ids);
      }
    }
  }
  return ids;
}

void HuggingFaceTokenizer::append_words(TextPiece piece, std::vector<TokenId>& ids) const {
  for (const TextPiece& word : pre_tokenizer_(std::move(piece))) model_->append_ids(word.text, ids);
}

std::string HuggingFaceTokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  bool after_added = false;
  for (std::size_t index = 0; index < ids.size(); ++index) {
    const TokenId id = ids[index];
    if (id < 0 || static_cast<std::size_t>(id) >= tokens_.size())
      fail("{}: token id {} is outside the vocabulary of {} tokens", file_, id, tokens_.size());
    const AddedToken* const added = added_of_id_[static_cast<std::size_t>(id)];
    if (added == nullptr) {
      append_decoded(id, index == 0 ? space_before_text_ : after_added && space_before_stretch_, text);
    } else if (!added->special) {
      text += pre_tokenizer_.is_byte_level() ? added->content : with_replacement(added->content, space_mark, " ");
    }
    after_added = added != nullptr;
  }
  return text;
}

void HuggingFaceTokenizer::append_decoded(TokenId id, bool after_boundary, std::string& text) const {
  const std::string& token = tokens_[static_cast<std::size_t>(id)];
  std::string decoded;
  if (pre_tokenizer_.is_byte_level()) {
    decoded = bytes_of_spelling(token).value_or(token);
  } else if (const auto byte = byte_of_token(token); byte && model_->has_byte_fallback()) {
    text.push_back(static_cast<char>(*byte));
    return;
  } else {
    decoded = with_replacement(token, space_mark, " ");
  }
  text += std::string_view(decoded).substr(after_boundary && decoded.starts_with(' ') ? 1 : 0);
}

std::string HuggingFaceTokenizer::hash(const json& document) const {
  Sha256 sha;
  add_to_hash(sha, kind());
  model_->add_to(sha);
  for (const char* key : {"added_tokens", "normalizer", "pre_tokenizer"})
    add_to_hash(sha, member_or_null(document, key).dump());
  add_to_hash(sha, bos_ ? static_cast<std::uint64_t>(*bos_) : ~std::uint64_t{0});
  return sha.hex();
}

}  // namespace quantbench
