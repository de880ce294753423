#include "eval/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace quantbench {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    parse_yaml(text, "t.yaml");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Yaml, KeepsPlacesOrderAndQuoting) {
  const YamlNode root = parse_yaml("b: [1, 'two']\na:\n  c: no\n", "t.yaml");
  ASSERT_EQ(root.members.size(), 2u);
  EXPECT_EQ(root.members[0].key, "b");
  EXPECT_FALSE(root.find("b")->items[0].quoted);
  EXPECT_TRUE(root.find("b")->items[1].quoted);
  EXPECT_EQ(root.find("a")->find("c")->text, "no") << "text stays as written";
  EXPECT_EQ(to_string(root.find("a")->find("c")->place), "t.yaml:3:6");
}

TEST(Yaml, AnEmptyDocumentIsNothing) {
  EXPECT_EQ(parse_yaml("", "t.yaml").kind, YamlNode::Kind::null);
  EXPECT_EQ(parse_yaml("# only a comment\n", "t.yaml").kind, YamlNode::Kind::null);
}

TEST(Yaml, AliasesCopyTheirValue) {
  const YamlNode root = parse_yaml("a: &x [1, 2]\nb: *x\n", "t.yaml");
  EXPECT_EQ(canonical_text(*root.find("b")), canonical_text(*root.find("a")));
  EXPECT_EQ(to_string(root.find("b")->place), "t.yaml:2:4");
}

TEST(Yaml, CanonicalTextForgetsOrderAndLayout) {
  EXPECT_EQ(canonical_text(parse_yaml("a: 1\nb: [x, y]\n", "t")),
            canonical_text(parse_yaml("{b: [x, 'y'], a: 1}", "u")));
  EXPECT_NE(canonical_text(parse_yaml("a: [x, y]", "t")), canonical_text(parse_yaml("a: [y, x]", "t")));
}

TEST(Yaml, ErrorsNameThePlace) {
  EXPECT_EQ(error_of("a: 1\nb:\n  c: 1\n  c: 2\n"), "t.yaml:4:3: duplicate key 'c'");
  EXPECT_EQ(error_of("a:\n\tb: 1\n"), "t.yaml:2:1: a tab in the indentation; YAML is indented with spaces");
  EXPECT_THAT(error_of("a: [1, 2\n"), HasSubstr("t.yaml:2:1: not valid YAML"));
  EXPECT_THAT(error_of("base: &b {x: 1}\na:\n  <<: *b\n"), HasSubstr("t.yaml:3:3: merge keys"));
  EXPECT_THAT(error_of("a: 1\n---\nb: 2\n"), HasSubstr("more than one YAML document"));
  EXPECT_THAT(error_of("a: !!int 3\n"), HasSubstr("tags are not supported"));
  EXPECT_THAT(error_of("[a, b]: 1\n"), HasSubstr("a key must be text"));
  EXPECT_THAT(error_of("? {a: 1}\n: 1\n"), HasSubstr("a key must be text"));
  EXPECT_EQ(error_of("a: \xff\n"), "t.yaml: byte 3 is not UTF-8");
  EXPECT_EQ(error_of(std::string("a: \0", 4)), "t.yaml: byte 3 is NUL; a config is text");
  EXPECT_THAT(error_of("a: &x [*x]\n"), HasSubstr("inside the value it names"));
  EXPECT_THAT(error_of("a: *nothing\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of(std::string(1 << 21, ' ')), HasSubstr("a config has at most"));
}

TEST(Yaml, NestingIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_EQ(error_of(nested(32)), "accepted");
  EXPECT_THAT(error_of(nested(33)), HasSubstr("nested more than 32 deep"));
  EXPECT_THAT(error_of(nested(100'000)), HasSubstr("nested more than 32 deep"));
}

TEST(Yaml, AnAliasBombIsRefusedBeforeItIsBuilt) {
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int k = 0; k < 10; ++k) bomb += fmt::format("{}*a{}", k ? ", " : "", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(error_of(bomb), HasSubstr("more than 100000 values"));
}

TEST(Yaml, AliasesCannotNestPastTheLimit) {
  std::string text = "a0: &a0 [1]\n";
  for (int i = 1; i < 40; ++i) text += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_THAT(error_of(text), HasSubstr("nested more than 32 deep"));
}

std::string reading_error(const std::string& value, const std::function<void(const YamlNode&)>& read) {
  try {
    read(*parse_yaml("k: " + value, "t.yaml").find("k"));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Yaml, IntegersArePlainDecimalDigits) {
  const auto read = [](const YamlNode& node) { node.as_integer("n", 0, 100); };
  EXPECT_EQ(reading_error("100", read), "accepted");
  EXPECT_EQ(reading_error("0", read), "accepted");
  EXPECT_EQ(reading_error("101", read), "t.yaml:1:4: n must be a whole number from 0 to 100; found '101'");
  for (const char* surprise : {"1e1", "0x10", "010", "1_0", "-1", "+1", "1.0", "٣", "99999999999999999999999"})
    EXPECT_THAT(reading_error(surprise, read), HasSubstr("a whole number from 0 to 100")) << surprise;
  EXPECT_THAT(reading_error("'7'", read), HasSubstr("\"7\" in quotes"));
  EXPECT_THAT(reading_error("[7]", read), HasSubstr("found a list of 1"));
  EXPECT_THAT(reading_error("", read), HasSubstr("found nothing"));
}

TEST(Yaml, BooleansAreTrueAndFalse) {
  const auto read = [](const YamlNode& node) { node.as_boolean("b"); };
  EXPECT_EQ(reading_error("true", read), "accepted");
  for (const char* surprise : {"yes", "no", "on", "off", "True", "1", "'true'", "~"})
    EXPECT_THAT(reading_error(surprise, read), HasSubstr("b must be true or false")) << surprise;
}

TEST(Yaml, UnknownKeysAreNamedWithWhatWasMeant) {
  const std::vector<std::string> known{"model", "dataset"};
  try {
    parse_yaml("modle: x", "t.yaml").check_keys("the config", known);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "t.yaml:1:1: unknown key 'modle' in the config; did you mean model?");
  }
}

}  // namespace
}  // namespace quantbench
