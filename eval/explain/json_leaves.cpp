#include "eval/explain/json_leaves.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

const Json nothing;

const Json& member(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

class LeafComparison {
 public:
  void compare(const std::string& path, const Json& first, const Json& second) {
    if (first.is_object() && second.is_object()) {
      compare_objects(path, first, second, {});
    } else if (first.is_array() && second.is_array()) {
      compare_lists(path, first, second);
    } else if (first != second) {
      differences_.push_back({path, first, second});
    }
  }

  void compare_objects(const std::string& path, const Json& first, const Json& second,
                       const std::set<std::string>& ignored) {
    const auto path_of = [&path](const std::string& key) {
      return path.empty() ? key : fmt::format("{}.{}", path, key);
    };
    for (const auto& [key, value] : first.items())
      if (!ignored.contains(key)) compare(path_of(key), value, member(second, key));
    for (const auto& [key, value] : second.items())
      if (!ignored.contains(key) && !first.contains(key)) compare(path_of(key), nothing, value);
  }

  std::vector<LeafDifference> take() { return std::move(differences_); }

 private:
  void compare_lists(const std::string& path, const Json& first, const Json& second) {
    if (first == second) return;
    const std::size_t before = differences_.size();
    const auto lacks = [](const Json& list, const Json& item) { return std::ranges::find(list, item) == list.end(); };
    for (const Json& item : first)
      if (lacks(second, item)) differences_.push_back({path, item, nothing});
    for (const Json& item : second)
      if (lacks(first, item)) differences_.push_back({path, nothing, item});
    if (differences_.size() == before) differences_.push_back({path, first, second});
  }

  std::vector<LeafDifference> differences_;
};

}  // namespace

std::vector<LeafDifference> compare_leaves(const Json& first, const Json& second,
                                           const std::set<std::string>& ignored) {
  LeafComparison comparison;
  if (first.is_object() && second.is_object())
    comparison.compare_objects("", first, second, ignored);
  else
    comparison.compare("", first, second);
  return comparison.take();
}

}  // namespace quantbench
