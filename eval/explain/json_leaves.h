// Two JSON values compared leaf by leaf.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace quantbench {

/// A place where two values are not the same. What one of them does not have is null there.
struct LeafDifference {
  std::string path;  // "perplexity.value"; empty: the values themselves
  nlohmann::ordered_json first, second;
};

/// In the order of `first`, then what only `second` has. Of lists, the items that only one of them has are leaves, whole; lists of the
/// same items in another order are one leaf. Members of the outermost object that are in `ignored` are left out. Numbers are the same
/// when their values are.
std::vector<LeafDifference> compare_leaves(const nlohmann::ordered_json& first, const nlohmann::ordered_json& second,
                                           const std::set<std::string>& ignored = {});

}  // namespace quantbench
