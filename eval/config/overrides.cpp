#include "eval/config/overrides.h"

#include <charconv>
#include <iterator>
#include <utility>

namespace quantbench {
namespace {

std::vector<std::string> split_path(const std::string& path, const YamlPlace& place) {
  std::vector<std::string> steps;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    steps.push_back(path.substr(begin, end - begin));
    if (steps.back().empty()) fail_at(place, "'{}' is not a path of keys like dataset.chunks", path);
    begin = end + 1;
  }
  return steps;
}

YamlNode& item_of(YamlNode& list, const std::string& step, const YamlPlace& place) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size() || index >= list.items.size())
    fail_at(place, "'{}' must be the number of one of the list's {} items, counted from 0", step, list.items.size());
  return list.items[index];
}

YamlNode& member_of(YamlNode& node, const std::string& step, const YamlPlace& place) {
  if (node.kind == YamlNode::Kind::null) node.kind = YamlNode::Kind::map;
  if (node.kind != YamlNode::Kind::map) fail_at(place, "there is no key '{}' in {}", step, to_string(node.place));
  if (YamlNode* member = node.find(step)) return *member;
  YamlNode empty;
  empty.place = place;
  node.members.push_back({step, place, std::move(empty)});
  return node.members.back().value;
}

void relocate(YamlNode& node, const YamlPlace& place) {
  node.place = place;
  for (YamlNode& item : node.items) relocate(item, place);
  for (auto& member : node.members) {
    member.place = place;
    relocate(member.value, place);
  }
}

void merge_member(YamlNode& base, YamlNode::Member over, bool top_level) {
  YamlNode* existing = base.find(over.key);
  if (existing == nullptr) {
    base.members.push_back(std::move(over));
  } else if (existing->kind == YamlNode::Kind::map && over.value.kind == YamlNode::Kind::map) {
    for (auto& member : over.value.members) merge_member(*existing, std::move(member), false);
  } else if (top_level && over.key == "methods" && existing->kind == YamlNode::Kind::list &&
             over.value.kind == YamlNode::Kind::list) {
    std::ranges::move(over.value.items, std::back_inserter(existing->items));
  } else {
    *existing = std::move(over.value);
  }
}

}  // namespace

void apply_override(YamlNode& root, const std::string& assignment) {
  const YamlPlace place{std::make_shared<const std::string>("--set " + assignment), 0, 0};
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos) fail_at(place, "expected key=value");
  const std::vector<std::string> steps = split_path(assignment.substr(0, equals), place);
  if (steps.front() == "include") fail_at(place, "include cannot be set; it is read before overrides");
  YamlNode* node = &root;
  for (const std::string& step : steps)
    node = node->kind == YamlNode::Kind::list ? &item_of(*node, step, place) : &member_of(*node, step, place);
  *node = parse_yaml(assignment.substr(equals + 1), *place.source);
  relocate(*node, place);
}

YamlNode merge_over(YamlNode base, YamlNode over) {
  if (base.kind != YamlNode::Kind::map) return over;
  for (auto& member : over.members) merge_member(base, std::move(member), true);
  base.place = over.place;
  return base;
}

}  // namespace quantbench
