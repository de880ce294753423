// A strict reading of YAML: a plain tree whose every node knows where it came from.
//
// YAML is friendlier than a config can afford. Refused here, each with file:line:column: tabs in the indentation, text
// that is not UTF-8, more than one document, explicit tags, duplicate keys, keys that are not plain text, merge keys
// ("<<"), nesting deeper than 32, and documents that alias into more than 100 000 nodes. yaml-cpp reads the events; its
// own node tree is not used, because it keeps the last of two equal keys without a word and follows every alias.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace quantbench {

/// Where a node was written: "default.yaml:3:5", or "--set dataset.chunks=10".
struct YamlPlace {
  std::shared_ptr<const std::string> source;
  int line = 0;  // from 1; 0: the source has no lines
  int column = 0;
};
std::string to_string(const YamlPlace& place);

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  struct Member;

  Kind kind = Kind::null;
  YamlPlace place;
  std::string text;             // scalar
  bool quoted = false;          // scalar: written in quotes or as a block, so it is text whatever it looks like
  std::vector<YamlNode> items;  // list
  std::vector<Member> members;  // map, in file order

  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);

  /// Typed reading. Each throws Error with the place, `what`, what was found and what is expected.
  std::string as_text(std::string_view what) const;
  /// Decimal digits only: 1e3, 0x10, 010 and 1_000 are errors that say so.
  std::uint64_t as_integer(std::string_view what, std::uint64_t least, std::uint64_t most) const;
  /// A decimal number such as -1.25: 1e3, .5, 0x10 and 1_000 are errors.
  double as_number(std::string_view what) const;
  /// `true` or `false`; yes, no, on and off are errors.
  bool as_boolean(std::string_view what) const;
  const std::vector<YamlNode>& as_list(std::string_view what) const;
  const std::vector<Member>& as_map(std::string_view what) const;
  /// The items of a list; any other node as a list of one.
  std::span<const YamlNode> as_list_or_one() const;

  /// Throws Error with near matches when the map holds a key that is not in `known`.
  void check_keys(std::string_view what, std::span<const std::string> known) const;
};

struct YamlNode::Member {
  std::string key;
  YamlPlace place;
  YamlNode value;
};

/// Throws Error. An empty document is a null node.
YamlNode parse_yaml(std::string_view text, const std::string& source);

/// The tree as JSON text with sorted keys and no white space: equal trees give equal text, wherever they were written.
std::string canonical_text(const YamlNode& node);

/// Throws Error: "PLACE: message".
template <class... Args>
[[noreturn]] void fail_at(const YamlPlace& place, fmt::format_string<Args...> format, Args&&... args) {
  fail("{}: {}", to_string(place), fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace quantbench
