#include "quantizers/allocation/mixes.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "quantizers/method_catalog.h"
#include "quantizers/split.h"

namespace quantbench {
namespace {

using What = RuleCondition::What;
using Words = std::vector<std::string_view>;

constexpr std::string_view table_text =
#include "quantizers/allocation/mixes.rules"
    ;

Words words_of(std::string_view line) {
  Words words = split(line.substr(0, line.find('#')), ' ');
  std::erase(words, std::string_view());
  return words;
}

/// Reads the digits at the front of `text` and removes them; nothing when there are none.
std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// "2", "L/8", "7L/8".
std::optional<RuleCondition> parse_limit(What what, std::string_view text) {
  RuleCondition condition{what};
  const auto factor = take_number(text);
  condition.factor = factor.value_or(1);
  if (text.empty()) return factor ? std::optional(condition) : std::nullopt;
  if (!text.starts_with("L/")) return std::nullopt;
  text.remove_prefix(2);
  condition.divisor = take_number(text).value_or(0);
  return text.empty() && condition.divisor > 0 ? std::optional(condition) : std::nullopt;
}

std::optional<RuleCondition> parse_condition(std::string_view word) {
  static const std::map<std::string_view, What> flags = {
      {"more_bits", What::more_bits},  {"imatrix", What::importance}, {"no_imatrix", What::no_importance},
      {"ragged", What::ragged},        {"70b", What::size_70b},       {"falcon", What::falcon},
      {"not_falcon", What::not_falcon}};
  static const std::vector<std::pair<std::string_view, What>> limits = {
      {"i<", What::layer_below},           {"i>=", What::layer_from},         {"gqa>=", What::gqa_from},
      {"gqa<", What::gqa_below},           {"experts>=", What::experts_from}, {"experts=", What::experts_are},
      {"experts!=", What::experts_are_not}};
  if (const auto flag = flags.find(word); flag != flags.end()) return RuleCondition{flag->second};
  for (const auto& [prefix, what] : limits)
    if (word.starts_with(prefix)) return parse_limit(what, word.substr(prefix.size()));
  return std::nullopt;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& source) : lines_(split(text, '\n')), source_(source) {}

  MixTable parse() {
    for (number_ = 1; number_ <= lines_.size(); ++number_)
      if (const Words words = words_of(lines_[number_ - 1]); !words.empty()) read(words);
    return std::move(table_);
  }

 private:
  template <class... Args>
  [[noreturn]] void fail_here(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}:{}: {}", source_, number_, fmt::format(format, std::forward<Args>(args)...));
  }

  void read(const Words& words) {
    if (words[0] == "mix") return begin_mix(words);
    if (words[0] == "group") return begin_group(words);
    if (words[0] == "substitute") return add_substitutes(words);
    if (open_ == nullptr) fail_here("'{}' stands before the first mix or group", words[0]);
    if (words[0] == "use") return use(words);
    open_->push_back(parse_rule(words));
  }

  void begin_mix(const Words& words) {
    Mix mix;
    const auto type = words.size() == 4
                          ? std::from_chars(words[3].data(), words[3].data() + words[3].size(), mix.file_type)
                          : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (type.ec != std::errc() || type.ptr != words[3].data() + words[3].size())
      fail_here("expected: mix NAME BASE FILE_TYPE");
    mix.name = words[1];
    mix.base = format_named(words[2]);
    if (std::ranges::find(table_.mixes, mix.name, &Mix::name) != table_.mixes.end())
      fail_here("the mix {} is defined twice", mix.name);
    table_.mixes.push_back(std::move(mix));
    open_ = &table_.mixes.back().rules;
  }

  void begin_group(const Words& words) {
    if (words.size() != 2) fail_here("expected: group NAME");
    open_ = &groups_[std::string(words[1])];
    if (!open_->empty()) fail_here("the group {} is defined twice", words[1]);
  }

  void use(const Words& words) {
    const auto group = words.size() == 2 ? groups_.find(words[1]) : groups_.end();
    if (group == groups_.end() || &group->second == open_) fail_here("expected: use, then a group defined above");
    const std::vector<MixRule> rules = group->second;
    open_->insert(open_->end(), rules.begin(), rules.end());
  }

  void add_substitutes(const Words& words) {
    const std::string format = target_of(words);
    for (std::size_t i = 1; i + 2 < words.size(); ++i)
      if (!table_.substitutes.emplace(format_named(words[i]), format).second)
        fail_here("{} has two substitutes", words[i]);
  }

  MixRule parse_rule(const Words& words) const {
    MixRule rule;
    rule.format = target_of(words);
    for (const std::string_view word : Words(words.begin(), words.end() - 2)) {
      if (const auto condition = parse_condition(word)) {
        rule.conditions.push_back(*condition);
      } else if (rule.conditions.empty()) {
        rule.roles.push_back(role_named(word));
      } else {
        fail_here("'{}' is not a condition", word);
      }
    }
    if (rule.roles.empty()) fail_here("the rule names no tensor");
    return rule;
  }

  TensorRole role_named(std::string_view word) const {
    try {
      return parse_role(word);
    } catch (const Error& error) {
      fail_here("{}", error.what());
    }
  }

  std::string target_of(const Words& words) const {
    if (words.size() < 3 || words[words.size() - 2] != "->") fail_here("expected '-> FORMAT' at the end");
    return format_named(words.back());
  }

  std::string format_named(std::string_view word) const {
    if (!is_gguf_type(word) && word != "f16") fail_here("'{}' is not a GGUF type", word);
    return std::string(word);
  }

  Words lines_;
  const std::string& source_;
  std::size_t number_ = 0;
  MixTable table_;
  std::map<std::string, std::vector<MixRule>, std::less<>> groups_;
  std::vector<MixRule>* open_ = nullptr;
};

/// The layers that get more bits in the mixes called "M": the first and the last eighth, and every third between.
bool gets_more_bits(std::size_t layer, std::size_t layers) {
  const std::size_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

}  // namespace

bool RuleCondition::holds(const RuleContext& context) const {
  const std::size_t limit = divisor == 0 ? factor : factor * context.layers / divisor;
  switch (what) {
    case What::layer_below:
      return context.layer < limit;
    case What::layer_from:
      return context.layer >= limit;
    case What::more_bits:
      return gets_more_bits(context.layer, context.layers);
    case What::gqa_from:
      return context.query_heads_per_kv_head >= limit;
    case What::gqa_below:
      return context.query_heads_per_kv_head < limit;
    case What::experts_from:
      return context.experts >= limit;
    case What::experts_are:
      return context.experts == limit;
    case What::experts_are_not:
      return context.experts != limit;
    case What::importance:
      return context.importance;
    case What::no_importance:
      return !context.importance;
    case What::ragged:
      return context.ragged;
    case What::size_70b:
      return context.layers == 80 && context.query_heads_per_kv_head >= 2;
    case What::falcon:
      return context.falcon;
    case What::not_falcon:
      return !context.falcon;
  }
  return false;
}

const std::string& Mix::format_of(TensorRole role, const RuleContext& context) const {
  for (const MixRule& rule : rules) {
    const bool named = std::ranges::find(rule.roles, role) != rule.roles.end();
    if (named && std::ranges::all_of(rule.conditions, [&](const auto& condition) { return condition.holds(context); }))
      return rule.format;
  }
  return base;
}

std::vector<std::string> Mix::formats() const {
  std::vector<std::string> all = {base};
  for (const MixRule& rule : rules) all.push_back(rule.format);
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

MixTable parse_mixes(std::string_view text, const std::string& source) { return Parser(text, source).parse(); }

const MixTable& mix_table() {
  static const MixTable table = parse_mixes(table_text, "quantizers/allocation/mixes.rules");
  return table;
}

const Mix* find_mix(std::string_view name) {
  const auto& mixes = mix_table().mixes;
  const auto found = std::ranges::find(mixes, name, &Mix::name);
  return found == mixes.end() ? nullptr : &*found;
}

}  // namespace quantbench
