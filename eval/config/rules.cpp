#include "eval/config/rules.h"

#include "core/file.h"

namespace quantbench {
namespace {

TensorRule read_rule(const YamlNode& node) {
  static const std::vector<std::string> keys{"tensor", "format"};
  node.check_keys("a rule", keys);
  const YamlNode *tensor = node.find("tensor"), *format = node.find("format");
  if (tensor == nullptr || format == nullptr)
    fail_at(node.place, "a rule is {{tensor: REGULAR_EXPRESSION, format: FORMAT}}; '{}' is missing",
            tensor == nullptr ? "tensor" : "format");
  try {
    return make_tensor_rule(tensor->as_text("tensor"), format->as_text("format"));
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

}  // namespace

std::vector<TensorRule> read_rules(const YamlNode& list) {
  std::vector<TensorRule> rules;
  for (const YamlNode& item : list.as_list("rules")) rules.push_back(read_rule(item));
  if (rules.empty()) fail_at(list.place, "the list of rules is empty");
  return rules;
}

std::map<std::string, std::vector<TensorRule>> read_rule_sets(const YamlNode& map) {
  std::map<std::string, std::vector<TensorRule>> sets;
  for (const auto& member : map.as_map("rules")) sets.emplace(member.key, read_rules(member.value));
  return sets;
}

std::vector<TensorRule> load_rules(const std::filesystem::path& path) {
  return read_rules(parse_yaml(read_text(path), path.string()));
}

}  // namespace quantbench
