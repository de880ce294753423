// The tokenizer that a tokenizer.model describes.
#pragma once

#include <memory>

#include "models/tokenizers/hugging_face/text_start.h"
#include "models/tokenizers/scored_bpe.h"
#include "models/tokenizers/sentencepiece_model/normalizer.h"
#include "models/tokenizers/unigram.h"

namespace quantbench {

/// The ids of the SentencePiece library (Kudo and Richardson 2018) for text in UTF-8: control pieces written in a text are text,
/// user-defined pieces are found. Texts start with BOS when the model has one, unless add_bos_token says otherwise.
class SentencePieceModelTokenizer final : public Tokenizer {
 public:
  /// Throws Error: for BPE models with unused pieces (merges through them would have to be taken back), and when BOS is to be
  /// added but is not a piece.
  SentencePieceModelTokenizer(const SentencePieceModelFile& model, const SpecialTokenNames& names);

  std::vector<TokenId> encode(std::string_view text) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  std::size_t vocabulary_size() const override { return vocabulary_.tokens.size(); }
  std::optional<TokenId> leading_bos() const override { return vocabulary_.add_bos ? vocabulary_.bos : std::nullopt; }
  std::string kind() const override;
  std::string sha256() const override { return sha256_; }

 private:
  std::string hash(const SentencePieceModelFile& model) const;

  Vocabulary vocabulary_;
  UserDefinedTokens user_defined_;
  SentencePieceNormalizer normalizer_;
  bool adds_prefix_;
  std::unique_ptr<const ScoredBpe> bpe_;  // one of the two
  std::unique_ptr<const Unigram> unigram_;
  std::string sha256_;
};

}  // namespace quantbench
