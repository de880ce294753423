// Byte-pair encoding by ranked merges, as in tokenizer.json.
#pragma once

#include <array>
#include <unordered_map>
#include <unordered_set>

#include "models/tokenizers/hugging_face/subword_model.h"
#include "models/tokenizers/pair_merger.h"

namespace quantbench {

/// A word is taken apart into characters; of all adjacent pairs with a merge the one of the lowest rank merges first, the
/// leftmost of equals. Both forms of `merges` are read ("a b" and ["a", "b"]); of two merges of one pair the last counts.
/// A character without a token becomes its byte tokens (`byte_fallback`, where all of them exist), else the unknown token
/// (with `fuse_unk` one for a run of such characters), else `append_ids` throws: the library that defines these files
/// drops such characters, and numbers would be of another text than the one that is named. With `ignore_merges`, a word
/// that is a token as a whole is that token. Dropout and prefixes and suffixes of words are refused.
class BpeModel final : public SubwordModel {
 public:
  /// Throws Error naming the place.
  explicit BpeModel(const JsonObject& model);

  void append_ids(std::string_view word, std::vector<TokenId>& ids) const override;
  const std::vector<std::string>& tokens() const override { return tokens_; }
  bool has_byte_fallback() const override { return byte_fallback_; }
  std::string_view kind() const override { return "bpe"; }
  void add_to(Sha256& hash) const override;

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId result;
  };

  void read_options(const JsonObject& model);
  void read_vocabulary(const JsonObject& model);
  void read_merges(const JsonObject& model);
  void find_joins();
  TokenId find(std::string_view token) const;
  TokenId outermost_character(TokenId token, bool last) const;
  void append_character(std::string_view word, std::size_t begin, std::size_t length,
                        std::vector<MergeSymbol>& symbols) const;
  void merge_stretch(std::vector<MergeSymbol>& stretch, PairMerger<std::uint32_t>& merger,
                     std::vector<TokenId>& ids) const;

  std::string place_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, TokenId> ids_;  // views into tokens_
  std::unordered_map<std::uint64_t, Merge> merge_of_pair_;
  std::unordered_set<std::uint64_t> joins_;  // ids of neighbouring characters that some merge joins
  std::array<TokenId, 256> id_of_byte_{};
  TokenId unknown_ = -1;
  bool fuses_unknown_ = false;
  bool byte_fallback_ = false;
  bool whole_words_first_ = false;
};

}  // namespace quantbench
