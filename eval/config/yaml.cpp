#include "eval/config/yaml.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/suggest.h"

namespace quantbench {
namespace {

std::string found(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::list:
      return fmt::format("a list of {}", node.items.size());
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  return node.quoted ? fmt::format("\"{}\" in quotes", node.text) : fmt::format("'{}'", node.text);
}

[[noreturn]] void mistyped(const YamlNode& node, std::string_view what, std::string_view expected) {
  fail_at(node.place, "{} must be {}; found {}", what, expected, found(node));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

nlohmann::json to_plain_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::scalar:
      return node.text;
    case YamlNode::Kind::list: {
      auto list = nlohmann::json::array();
      for (const YamlNode& item : node.items) list.push_back(to_plain_json(item));
      return list;
    }
    case YamlNode::Kind::map:
      break;
  }
  auto object = nlohmann::json::object();
  for (const auto& member : node.members) object[member.key] = to_plain_json(member.value);
  return object;
}

}  // namespace

std::string to_string(const YamlPlace& place) {
  if (place.line == 0) return *place.source;
  return fmt::format("{}:{}:{}", *place.source, place.line, place.column);
}

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto match = std::ranges::find(members, key, &Member::key);
  return match == members.end() ? nullptr : &match->value;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(static_cast<const YamlNode*>(this)->find(key));
}

std::string YamlNode::as_text(std::string_view what) const {
  if (kind != Kind::scalar || text.empty()) mistyped(*this, what, "text");
  return text;
}

std::uint64_t YamlNode::as_integer(std::string_view what, std::uint64_t least, std::uint64_t most) const {
  const std::string expected = fmt::format("a whole number from {} to {}", least, most);
  if (kind != Kind::scalar || quoted) mistyped(*this, what, expected);
  if (!all_digits(text) || (text.size() > 1 && text[0] == '0'))
    mistyped(*this, what, expected + " in plain decimal digits (not 1e3, 0x10, 010 or 1_000)");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < least || value > most) mistyped(*this, what, expected);
  return value;
}

double YamlNode::as_number(std::string_view what) const {
  constexpr std::string_view expected = "a decimal number such as 31.12 (not 1e3, .5, 0x10 or 1_000)";
  if (kind != Kind::scalar || quoted) mistyped(*this, what, expected);
  const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const bool whole = point == digits.size() || all_digits(digits.substr(point + 1));
  if (!all_digits(digits.substr(0, point)) || !whole || digits.size() > 40) mistyped(*this, what, expected);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool YamlNode::as_boolean(std::string_view what) const {
  if (kind == Kind::scalar && !quoted && text == "true") return true;
  if (kind == Kind::scalar && !quoted && text == "false") return false;
  mistyped(*this, what, "true or false");
}

const std::vector<YamlNode>& YamlNode::as_list(std::string_view what) const {
  if (kind != Kind::list) mistyped(*this, what, "a list");
  return items;
}

const std::vector<YamlNode::Member>& YamlNode::as_map(std::string_view what) const {
  if (kind != Kind::map) mistyped(*this, what, "a map of keys and values");
  return members;
}

std::span<const YamlNode> YamlNode::as_list_or_one() const {
  return kind == Kind::list ? std::span<const YamlNode>(items) : std::span<const YamlNode>(this, 1);
}

void YamlNode::check_keys(std::string_view what, std::span<const std::string> known) const {
  for (const Member& member : as_map(what))
    if (std::ranges::find(known, member.key) == known.end())
      fail_at(member.place, "unknown key '{}' in {}{}", member.key, what, suggestion(member.key, known));
}

std::string canonical_text(const YamlNode& node) { return to_plain_json(node).dump(); }

}  // namespace quantbench
