#include "models/tokenizers/hugging_face/text_pattern.h"

#include "models/tokenizers/oniguruma.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

using Matches = std::vector<RegularExpression::Match>;

Matches matches_of_literal(std::string_view text, std::string_view literal) {
  Matches all;
  for (std::size_t begin = text.find(literal); begin != std::string_view::npos;
       begin = text.find(literal, begin + literal.size()))
    all.push_back({begin, begin + literal.size()});
  return all;
}

}  // namespace

TextPattern TextPattern::of_expression(std::string_view expression) {
  TextPattern pattern;
  pattern.expression_ = std::make_shared<const RegularExpression>(expression);
  return pattern;
}

TextPattern TextPattern::of_literal(std::string literal) {
  TextPattern pattern;
  pattern.literal_ = std::move(literal);
  return pattern;
}

TextPattern TextPattern::of_json(const JsonObject& owner, std::string_view key) {
  const JsonObject pattern = owner.object(key);
  pattern.check_keys({"String", "Regex"});
  if (pattern.contains("String") == pattern.contains("Regex")) owner.fail_at(key, "expected a String or a Regex");
  try {
    if (pattern.contains("Regex")) return of_expression(pcre2_of_oniguruma(pattern.text("Regex")));
  } catch (const Error& error) {
    owner.fail_at(key, "{}", error.what());
  }
  std::string literal = pattern.text("String");
  if (literal.empty()) owner.fail_at(key, "the string is empty");
  return of_literal(std::move(literal));
}

Matches TextPattern::matches(std::string_view text, MatchBuffers& buffers) const {
  if (!expression_) return matches_of_literal(text, literal_);
  Matches all;
  for (std::size_t begin = 0; begin < text.size(); begin += invalid_utf8_prefix(text.substr(begin))) {
    const std::string_view rest = text.substr(begin);
    const std::string_view valid = rest.substr(0, valid_utf8_prefix(rest));
    for (const auto& match : expression_->matches(valid, buffers))
      all.push_back({begin + match.begin, begin + match.end});
    begin += valid.size();
  }
  return all;
}

}  // namespace quantbench
