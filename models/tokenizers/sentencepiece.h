// SentencePiece-style byte-pair encoding: `tokenizer.ggml.model` = "llama".
#pragma once

#include "models/tokenizers/scored_bpe.h"
#include "models/tokenizers/user_defined_tokens.h"
#include "models/tokenizers/vocabulary.h"

namespace quantbench {

/// Spaces become U+2581; each stretch of text between user-defined tokens gets one in front (tokenizer.ggml.
/// add_space_prefix, true when absent) and is merged as a whole: of all adjacent pairs that together spell a token, the
/// one with the highest score merges first, the leftmost of equals. What no token spells becomes its byte tokens, or
/// the unknown token where the vocabulary has no such bytes. Only normal, user-defined and unused tokens can come out
/// of merges; control, unknown and byte tokens are never spelt by text (as in SentencePiece). Defaults of absent keys:
/// BOS 1, unknown 0, add_bos_token true. `tokenizer.ggml.pre` has no meaning here. Method: Kudo and Richardson,
/// "SentencePiece" (2018); `decode` is the inverse of `encode` for texts without U+2581 when the vocabulary spells all
/// bytes.
class SentencePieceTokenizer final : public Tokenizer {
 public:
  /// Throws Error as load_tokenizer does; also when scores are missing, differ in number from the tokens or are NaN,
  /// and when token types are missing.
  explicit SentencePieceTokenizer(const Metadata& metadata);

  std::vector<TokenId> encode(std::string_view text) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  std::size_t vocabulary_size() const override { return vocabulary_.tokens.size(); }
  std::optional<TokenId> leading_bos() const override;
  std::string kind() const override { return "llama"; }
  std::string sha256() const override { return sha256_; }

 private:
  Vocabulary vocabulary_;
  bool add_space_prefix_;
  UserDefinedTokens user_defined_;
  ScoredBpe merges_;
  std::string sha256_;
};

}  // namespace quantbench
