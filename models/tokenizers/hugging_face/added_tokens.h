// The `added_tokens` of a tokenizer.json: strings that are cut out of the text before anything else happens to it.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "models/tokenizers/hugging_face/normalizers.h"
#include "models/tokenizers/user_defined_tokens.h"

namespace quantbench {

struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool special = false;      // never recognised in a text, which is data
  bool normalized = false;   // looked for in normalized text
  bool left_strip = false;   // takes the white space before it
  bool right_strip = false;  // and after it
  bool single_word = false;  // only where no word character touches it
};

/// Throws Error naming the place for members that are missing, unknown or of another type, for an empty content and for
/// an id that two tokens have.
std::vector<AddedToken> read_added_tokens(const nlohmann::json& list, const std::string& place);

/// Finds added tokens from left to right, the longest where several start at one place. A special token is passed over
/// as text; tokens that overlap it are not looked for, as in the library that defines these files.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  /// Of `tokens`, those whose member `normalized` is `of_normalized_text`, with what `normalizer` makes of them.
  AddedTokenMatcher(const std::vector<AddedToken>& tokens, bool of_normalized_text, const Normalizer& normalizer);

  /// The fragments of `text` in order, none empty; id -1: text between tokens.
  std::vector<TextFragment> split(std::string_view text) const;

 private:
  struct Entry {
    std::string text;
    AddedToken token;
  };
  const Entry* longest_at(std::string_view rest) const;

  std::array<std::vector<Entry>, 256> by_first_byte_;  // longest first
};

}  // namespace quantbench
