// One compiled regular expression with Unicode classes, as tokenizers use them to take text apart.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace quantbench {

/// The buffers that matching needs; used by one thread at a time, for any number of expressions.
class MatchBuffers {
 public:
  MatchBuffers();
  ~MatchBuffers();

 private:
  friend class RegularExpression;
  struct State;
  std::unique_ptr<State> state_;
};

/// PCRE2 with UTF and UCP; `$` only at the very end, no \C; just-in-time compiled where PCRE2 can. Immutable; safe to use
/// from several threads.
class RegularExpression {
 public:
  struct Match {
    std::size_t begin;
    std::size_t end;
  };

  /// Throws Error naming the expression when it does not compile.
  explicit RegularExpression(std::string_view expression);
  ~RegularExpression();
  RegularExpression(RegularExpression&&) noexcept;
  RegularExpression& operator=(RegularExpression&&) noexcept;

  /// All matches in `text` (valid UTF-8) from left to right, none overlapping; an empty match never starts where the match
  /// before it ended. Throws Error when a match would need more than the fixed limits of steps or memory.
  std::vector<Match> matches(std::string_view text, MatchBuffers& buffers) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace quantbench
