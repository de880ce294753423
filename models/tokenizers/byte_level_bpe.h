// Byte-level byte-pair encoding with a pre-tokenizer: `tokenizer.ggml.model` = "gpt2".
#pragma once

#include <array>
#include <unordered_map>

#include "models/tokenizers/pre_tokenizers.h"
#include "models/tokenizers/text_splitter.h"
#include "models/tokenizers/user_defined_tokens.h"
#include "models/tokenizers/vocabulary.h"

namespace quantbench {

/// The text between user-defined tokens is split into words by the pre-tokenizer that `tokenizer.ggml.pre` names; the
/// bytes of each word merge by the rank of `tokenizer.ggml.merges`, lowest first, leftmost of equals. Tokens are spelt
/// in GPT-2's byte alphabet (byte_alphabet.h). A byte that no token spells becomes the unknown token; without one,
/// `encode` throws. No text is normalised, and `add_space_prefix` has no meaning here: the runtimes that define these
/// files do neither. Absent keys: token types are all normal; add_bos_token is what the pre-tokenizer's family does
/// (see pre_tokenizers.h); there is no default BOS id, since any would be an ordinary word. Method: Radford et al.,
/// "Language Models are Unsupervised Multitask Learners" (2019), section 2.2. `decode` is the inverse of `encode` for
/// any bytes that the vocabulary spells.
class ByteLevelBpeTokenizer final : public Tokenizer {
 public:
  /// Throws Error as load_tokenizer does; also when `tokenizer.ggml.pre` is missing, and for a merge without a space or
  /// one whose parts or result are not in the vocabulary: a file whose merges and tokens belong to different
  /// vocabularies would give plausible, wrong ids.
  explicit ByteLevelBpeTokenizer(const Metadata& metadata);

  std::vector<TokenId> encode(std::string_view text) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  std::size_t vocabulary_size() const override { return vocabulary_.tokens.size(); }
  std::optional<TokenId> leading_bos() const override;
  std::string kind() const override;
  std::string sha256() const override { return sha256_; }

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId result;
  };
  class Words;

  void index_tokens();
  void read_merges(const Metadata& metadata);

  std::string pre_tokenizer_name_;
  const PreTokenizer* pre_tokenizer_;
  Vocabulary vocabulary_;
  TextSplitter splitter_;
  UserDefinedTokens user_defined_;
  std::vector<std::string> bytes_of_token_;                    // what `decode` writes
  std::unordered_map<std::string_view, TokenId> id_of_bytes_;  // views into bytes_of_token_
  std::array<TokenId, 256> id_of_byte_;
  std::unordered_map<std::uint64_t, Merge> merge_of_pair_;
  std::string sha256_;
};

}  // namespace quantbench
