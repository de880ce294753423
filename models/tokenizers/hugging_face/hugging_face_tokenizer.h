// The tokenizer that a tokenizer.json describes.
#pragma once

#include <nlohmann/json.hpp>

#include "models/tokenizers/hugging_face/added_tokens.h"
#include "models/tokenizers/hugging_face/pre_tokenizer_steps.h"
#include "models/tokenizers/hugging_face/subword_model.h"
#include "models/tokenizers/hugging_face/text_start.h"

namespace quantbench {

/// Added tokens are cut out of the text, what lies between is normalized and taken apart into words, and the model turns
/// words into ids: the pipeline of the library that defines these files, whose ids these are, special tokens set aside:
/// written in a text, they are text. Added tokens that are not special are found as that library finds them. `decode` gives the
/// text back as far as the pipeline keeps it (normalized; a space that the pipeline puts in front is taken off).
/// Members that could change ids and are not known are errors; `truncation`, `padding` and `decoder` are not looked at: texts
/// are encoded whole.
class HuggingFaceTokenizer final : public Tokenizer {
 public:
  /// `document` is a tokenizer.json read from `file`. Throws Error naming the file and the place: for another version than
  /// "1.0", components that are not supported, and added tokens whose ids contradict the vocabulary.
  HuggingFaceTokenizer(const nlohmann::json& document, const std::string& file, const SpecialTokenNames& names);

  std::vector<TokenId> encode(std::string_view text) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  std::size_t vocabulary_size() const override { return tokens_.size(); }
  std::optional<TokenId> leading_bos() const override { return bos_; }
  std::string kind() const override;
  std::string sha256() const override { return sha256_; }

 private:
  void place_added_tokens(const JsonObject& document);
  std::optional<TokenId> find_bos(const JsonObject& document, const SpecialTokenNames& names) const;
  bool puts_space_in_front(bool starts_text) const;
  void append_words(TextPiece piece, std::vector<TokenId>& ids) const;
  void append_decoded(TokenId id, bool after_boundary, std::string& text) const;
  std::string hash(const nlohmann::json& document) const;

  std::string file_;
  std::vector<AddedToken> added_;
  std::unique_ptr<const SubwordModel> model_;
  Normalizer normalizer_;
  PreTokenizerSteps pre_tokenizer_;
  AddedTokenMatcher raw_matcher_;
  AddedTokenMatcher normalized_matcher_;
  std::vector<std::string> tokens_;             // of the model, and added ones
  std::vector<const AddedToken*> added_of_id_;  // null: only of the model
  std::optional<TokenId> bos_;
  bool space_before_text_ = false;
  bool space_before_stretch_ = false;  // that follows an added token
  std::string sha256_;
};

}  // namespace quantbench
