// Regular expressions for names of layers, as configurations of packed checkpoints use them. They come from files that
// cannot be trusted: matching takes a bounded number of steps.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace quantbench {

class NamePattern {
 public:
  /// Throws Error, naming `source`, for an expression that is not valid or too long.
  NamePattern(std::string_view expression, const std::string& source);

  /// The expression matches at the start of the name, as Python's re.match. Throws Error when that takes too long to find
  /// out.
  bool matches(std::string_view name) const;
  const std::string& expression() const { return expression_; }

 private:
  std::string expression_;
  std::string source_;
  std::shared_ptr<const void> code_;
};

}  // namespace quantbench
