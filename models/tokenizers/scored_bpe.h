// SentencePiece's byte-pair encoding: merges ordered by the score of what they make.
#pragma once

#include <array>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "models/tokenizers/pair_merger.h"
#include "models/tokenizers/vocabulary.h"

namespace quantbench {

/// Of all adjacent pairs that together spell a token, the one with the highest score merges first, the leftmost of equals.
/// Only normal, user-defined and unused tokens can come out of merges. What no token spells becomes its byte tokens, or the
/// unknown token where the vocabulary has no such bytes.
class ScoredBpe {
 public:
  /// Refers to `vocabulary`, which must outlive it. `fuses_unknown`: neighbouring unknown characters are one unknown token.
  /// Throws Error for byte tokens that are not spelt "<0xHH>".
  ScoredBpe(const Vocabulary& vocabulary, std::vector<float> scores, bool fuses_unknown);

  ScoredBpe(const ScoredBpe&) = delete;  // the index refers to the vocabulary
  ScoredBpe& operator=(const ScoredBpe&) = delete;

  /// Throws Error for a character that is no token when there is no unknown token.
  void append_ids(std::string_view text, std::vector<TokenId>& ids) const;
  const std::vector<float>& scores() const { return scores_; }

 private:
  void merge_stretch(std::string_view text, std::vector<MergeSymbol>& symbols, PairMerger<float>& merger,
                     std::vector<TokenId>& ids) const;
  void append_symbol(TokenId id, std::string_view bytes, std::vector<TokenId>& ids) const;
  TokenId find(std::string_view piece) const;

  const Vocabulary& vocabulary_;
  std::vector<float> scores_;
  bool fuses_unknown_;
  std::unordered_map<std::string_view, TokenId> id_of_piece_;  // views into vocabulary_.tokens
  std::unordered_set<std::uint64_t> joined_characters_;        // pairs of neighbours somewhere within a token
  std::array<TokenId, 256> id_of_byte_;
};

}  // namespace quantbench
