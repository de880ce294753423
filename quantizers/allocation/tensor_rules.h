// Rules of the user: a pattern of tensor names and the format that such tensors get.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quantbench {

/// A Perl-compatible regular expression, found anywhere in a name. Cheap to copy; matching is bounded in steps and memory.
class NamePattern {
 public:
  /// Throws Error with the offset when the expression is not valid.
  explicit NamePattern(std::string expression);

  /// Throws Error when the expression needs too many steps for this name.
  bool matches(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  struct Compiled;
  std::string text_;
  std::shared_ptr<const Compiled> compiled_;
};

/// What the rule's tensors are when `format` says so: as they stand in the checkpoint.
inline constexpr std::string_view keep_format = "keep";

struct TensorRule {
  NamePattern tensor;
  std::string format;  // canonical format id, or keep_format
};

/// Throws Error for an expression or a format that does not exist.
TensorRule make_tensor_rule(std::string expression, std::string_view format);

/// Null when no rule matches. The first that matches wins.
const TensorRule* find_rule(const std::vector<TensorRule>& rules, std::string_view name);

/// One line for each rule: what the hash of a cell is made from.
std::string to_string(const std::vector<TensorRule>& rules);

}  // namespace quantbench
