// Rules of the user in YAML: a list whose items are {tensor: REGULAR_EXPRESSION, format: FORMAT}.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "eval/config/yaml.h"
#include "quantizers/allocation/tensor_rules.h"

namespace quantbench {

/// Throws Error with the place for a list that is empty, a key that is not known, an expression that is not valid and a
/// format that does not exist.
std::vector<TensorRule> read_rules(const YamlNode& list);

/// The key `rules` of a config: a map from names to lists of rules.
std::map<std::string, std::vector<TensorRule>> read_rule_sets(const YamlNode& map);

/// A file that holds one list of rules, as `quantbench quantize --rules` takes it.
std::vector<TensorRule> load_rules(const std::filesystem::path& path);

}  // namespace quantbench
