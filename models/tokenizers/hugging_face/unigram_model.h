// Unigram models of tokenizer.json.
#pragma once

#include "models/tokenizers/hugging_face/subword_model.h"
#include "models/tokenizers/unigram.h"

namespace quantbench {

/// `vocab` is a list of [piece, score]; the place is the id. Special tokens are never found in text, which the library that
/// defines these files would do when they are asked to be text.
class UnigramModel final : public SubwordModel {
 public:
  /// Throws Error naming the place.
  UnigramModel(const JsonObject& model, const std::vector<TokenId>& special);

  void append_ids(std::string_view word, std::vector<TokenId>& ids) const override { unigram_.append_ids(word, ids); }
  const std::vector<std::string>& tokens() const override { return unigram_.parts().pieces; }
  bool has_byte_fallback() const override { return byte_fallback_; }
  std::string_view kind() const override { return "unigram"; }
  void add_to(Sha256& hash) const override;

 private:
  bool byte_fallback_;
  Unigram unigram_;
};

}  // namespace quantbench
