// The `pre_tokenizer` of a tokenizer.json: how text is taken apart into words that merge by themselves.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/tokenizers/regular_expression.h"

namespace quantbench {

/// A stretch of text on its way to a word.
struct TextPiece {
  std::string text;
  bool starts_text = false;  // nothing of the whole text comes before it
};

/// The steps of a pre-tokenizer, in order. Immutable; safe to use from several threads.
class PreTokenizerSteps {
 public:
  /// Appends what becomes of one piece.
  using Step = std::function<void(const TextPiece&, MatchBuffers&, std::vector<TextPiece>&)>;

  PreTokenizerSteps() = default;
  /// From the JSON object (null: the text is one piece). Known types: Sequence, ByteLevel, Split, Metaspace (its old and new
  /// members), Digits, Punctuation, WhitespaceSplit. Throws Error naming the place, the unknown type or member, and the known
  /// ones.
  PreTokenizerSteps(const nlohmann::json& value, const std::string& place);

  /// Words; none is empty. Those of a byte-level pre-tokenizer are spelt in GPT-2's alphabet.
  std::vector<TextPiece> operator()(TextPiece piece) const;

  /// A ByteLevel step is among them: bytes are spelt as characters.
  bool is_byte_level() const { return is_byte_level_; }

 private:
  void add(const nlohmann::json& value, const std::string& place);

  std::vector<Step> steps_;
  bool is_byte_level_ = false;
};

}  // namespace quantbench
