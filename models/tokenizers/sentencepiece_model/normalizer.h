// How SentencePiece changes text before it takes it apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/tokenizers/character_map.h"
#include "models/tokenizers/sentencepiece_model/model_file.h"
#include "models/tokenizers/user_defined_tokens.h"

namespace quantbench {

/// The longest key of the character map at each place is replaced; user-defined pieces written in the text stay as they are.
/// Spaces become U+2581; leading, trailing and repeated ones go where the model removes them, and one is put in front where it
/// adds one. Bytes that are not UTF-8 are kept (SentencePiece itself writes U+FFFD for each).
class SentencePieceNormalizer {
 public:
  /// Refers to `user_defined`, which must outlive it.
  SentencePieceNormalizer(const SentencePieceModelFile& model, const UserDefinedTokens& user_defined);

  std::string operator()(std::string_view text) const;

 private:
  struct Prefix {
    std::size_t length;
    std::string_view text;
  };
  Prefix next(std::string_view text) const;

  std::optional<CharacterMap> map_;
  const UserDefinedTokens& user_defined_;
  bool adds_prefix_;
  bool removes_spaces_;
};

}  // namespace quantbench
