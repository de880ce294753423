// Splits text into pieces by a list of regular expressions, as pre-tokenizers do.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "models/tokenizers/regular_expression.h"

namespace quantbench {

/// Each expression in turn is applied to every piece that the ones before left: its matches become pieces, and so does
/// what lies between them; a match of length zero cuts at its place. An expression never sees text outside the piece.
/// Bytes that are not UTF-8 are no part of any match: a run of them is a piece of its own.
/// Immutable; safe to use from several threads.
class TextSplitter {
 public:
  /// Throws Error naming an expression that does not compile.
  explicit TextSplitter(std::span<const std::string_view> expressions);

  /// Non-empty pieces, in order; together they are `text`. Throws Error when a match would need more than the fixed
  /// limits of steps or memory.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  std::vector<RegularExpression> expressions_;
};

}  // namespace quantbench
