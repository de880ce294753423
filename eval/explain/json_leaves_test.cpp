#include "eval/explain/json_leaves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;
using testing::ElementsAre;

std::vector<std::string> lines(const std::string& first, const std::string& second,
                               const std::set<std::string>& ignored = {}) {
  std::vector<std::string> all;
  for (const LeafDifference& leaf : compare_leaves(Json::parse(first), Json::parse(second), ignored))
    all.push_back(leaf.path + ": " + leaf.first.dump() + " " + leaf.second.dump());
  return all;
}

TEST(JsonLeaves, EqualValuesHaveNone) {
  EXPECT_THAT(lines(R"({"a": {"b": [1, "x"]}, "c": 1})", R"({"c": 1.0, "a": {"b": [1, "x"]}})"), ElementsAre());
  EXPECT_THAT(lines("1", "1.0"), ElementsAre());
}

TEST(JsonLeaves, PathsNameTheMember) {
  EXPECT_THAT(lines(R"({"a": {"b": 1, "c": 2}, "d": 3})", R"({"a": {"b": 1, "c": 5, "e": 6}})"),
              ElementsAre("a.c: 2 5", "a.e: null 6", "d: 3 null"));
  EXPECT_THAT(lines("1", "2"), ElementsAre(": 1 2"));
  EXPECT_THAT(lines(R"({"a": {"b": 1}})", R"({"a": "text"})"), ElementsAre(R"(a: {"b":1} "text")"));
}

TEST(JsonLeaves, ListsAreComparedByWhatOnlyOneHas) {
  EXPECT_THAT(lines(R"({"methods": ["f32", "q4_k", "q4_0"]})", R"({"methods": ["f32", "q4_0", "q5_k"]})"),
              ElementsAre(R"(methods: "q4_k" null)", R"(methods: null "q5_k")"));
  EXPECT_THAT(lines(R"({"l": [1, 2]})", R"({"l": [2, 1]})"), ElementsAre("l: [1,2] [2,1]")) << "the order alone";
  EXPECT_THAT(lines(R"({"l": [1, 1]})", R"({"l": [1]})"), ElementsAre("l: [1,1] [1]"));
}

TEST(JsonLeaves, IgnoredMembersAreOfTheOutermostObject) {
  EXPECT_THAT(lines(R"({"a": 1, "b": {"a": 1}})", R"({"a": 2, "b": {"a": 2}})", {"a"}), ElementsAre("b.a: 1 2"));
}

}  // namespace
}  // namespace quantbench
