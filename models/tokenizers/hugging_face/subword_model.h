// The `model` of a tokenizer.json: words to ids.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.h"
#include "models/tokenizers/hugging_face/json_object.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// Immutable after construction; safe to use from several threads.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  /// Appends the ids of one word (not empty; any bytes).
  virtual void append_ids(std::string_view word, std::vector<TokenId>& ids) const = 0;
  /// By id; an id that the file gives to no token is an empty string.
  virtual const std::vector<std::string>& tokens() const = 0;
  /// Characters without a token become the tokens "<0xHH>" of their bytes.
  virtual bool has_byte_fallback() const = 0;
  /// "bpe", "unigram".
  virtual std::string_view kind() const = 0;
  /// Adds all that determines the ids, lengths before contents.
  virtual void add_to(Sha256& hash) const = 0;
};

/// The largest id that `count` tokens may have: files leave few ids unused, and memory is in proportion to the file.
inline std::size_t largest_id_of(std::size_t count) { return count + 65536; }

/// `special` are the ids of special tokens, which text never spells. Throws Error naming the place, the unknown type
/// or member and the known ones.
std::unique_ptr<const SubwordModel> read_subword_model(const JsonObject& model, const std::vector<TokenId>& special);

/// For add_to.
void add_to_hash(Sha256& hash, std::string_view text);
void add_to_hash(Sha256& hash, std::uint64_t number);

}  // namespace quantbench
