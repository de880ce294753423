// Tokens that a vocabulary's author defined as whole strings: they are cut out of the text before anything is merged.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "models/tokenizers/vocabulary.h"

namespace quantbench {

/// A stretch of text: one user-defined token, or (id -1) text between them.
struct TextFragment {
  std::string_view text;
  TokenId id = -1;
};

/// Finds the tokens of type user_defined from left to right, the longest where several start at one place, as
/// SentencePiece and the Hugging Face tokenizers do. Control tokens are not looked for: text is data.
class UserDefinedTokens {
 public:
  /// Refers to `vocabulary`, which must outlive it.
  explicit UserDefinedTokens(const Vocabulary& vocabulary);
  /// The fragments of `text` in order, none empty.
  std::vector<TextFragment> split(std::string_view text) const;
  /// The token that `rest` (not empty) starts with, or null.
  const TextFragment* longest_at(std::string_view rest) const;

 private:
  std::array<std::vector<TextFragment>, 256> by_first_byte_;  // longest first
};

}  // namespace quantbench
