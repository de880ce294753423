// The `pattern` of Split and Replace: a literal string or a regular expression.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/tokenizers/hugging_face/json_object.h"
#include "models/tokenizers/regular_expression.h"

namespace quantbench {

/// Copies share what is compiled. Immutable; safe to use from several threads.
class TextPattern {
 public:
  /// An expression of PCRE2.
  static TextPattern of_expression(std::string_view expression);
  static TextPattern of_literal(std::string literal);
  /// From {"String": ...} or {"Regex": ...} under `key`. Throws Error naming the place: also for an empty string and for
  /// an expression that is not supported (pcre2_of_oniguruma).
  static TextPattern of_json(const JsonObject& owner, std::string_view key);

  /// From left to right, in any bytes: those that are not UTF-8 belong to no match of an expression.
  std::vector<RegularExpression::Match> matches(std::string_view text, MatchBuffers& buffers) const;

 private:
  std::string literal_;
  std::shared_ptr<const RegularExpression> expression_;  // null: literal
};

}  // namespace quantbench
