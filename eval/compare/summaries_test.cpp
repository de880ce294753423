// JUnit XML and Markdown of a comparison.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "eval/compare/compare.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

/// An element with its attributes, children and text. Reads the part of XML that JUnit files are made of, strictly: whatever is not
/// well-formed is an Error.
struct Element {
  std::string name, text;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<Element> children;

  std::string attribute(std::string_view wanted) const {
    for (const auto& [key, value] : attributes)
      if (key == wanted) return value;
    fail("<{}> has no attribute '{}'", name, wanted);
  }
};

class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {}

  Element document() {
    expect("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    skip_space();
    Element root = element();
    skip_space();
    if (at_ != text_.size()) fail("text after the root element: {}", text_.substr(at_));
    return root;
  }

 private:
  bool next_is(std::string_view part) const { return text_.substr(at_).starts_with(part); }
  void expect(std::string_view part) {
    if (!next_is(part)) fail("expected {} at {}", part, text_.substr(at_, 40));
    at_ += part.size();
  }
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  std::string word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-'))
      ++at_;
    if (at_ == begin) fail("no name at {}", text_.substr(at_, 40));
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string character() {
    for (const auto& [entity, meaning] :
         {std::pair{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}})
      if (next_is(entity)) {
        expect(entity);
        return meaning;
      }
    const char c = text_.at(at_++);
    if (c == '&' || c == '<' || (static_cast<unsigned char>(c) < 0x20 && c != '\n')) fail("raw '{}' in text", c);
    return {c};
  }
  Element element() {
    expect("<");
    Element result;
    result.name = word();
    for (skip_space(); !next_is(">") && !next_is("/>"); skip_space()) {
      std::string key = word(), value;
      expect("=\"");
      while (!next_is("\"")) value += character();
      expect("\"");
      result.attributes.emplace_back(std::move(key), std::move(value));
    }
    if (next_is("/>")) {
      expect("/>");
      return result;
    }
    for (expect(">"); !next_is("</");) {
      if (next_is("<"))
        result.children.push_back(element());
      else
        result.text += character();
    }
    expect("</" + result.name + ">");
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Comparison comparison_of_all_verdicts() {
  Comparison comparison{"base.json", "new & \"odd\" <name>.json", "gates.yaml", {}};
  const auto add = [&](const std::string& method, Verdict verdict, bool fails, const std::string& note) {
    GateCheck check{method, "mean_kld", "max_increase_percent", 5, 0.1, 0.12, verdict, note};
    check.fails = fails;
    comparison.checks.push_back(check);
  };
  add("q4_0", Verdict::pass, false, "");
  add("rtn:q4_0", Verdict::regression, true, "a \"quoted\" <note> & more\x01");
  add("q5_0", Verdict::inconclusive, false, "5 windows");
  add("q8_0", Verdict::warning, false, "soft");
  add("f16", Verdict::not_checked, false, "no baseline");
  add("f32|x", Verdict::inconclusive, true, "counts");
  comparison.checks[1].tensors = {"blk.0.ffn_up.weight", "blk.0.<odd>"};
  comparison.checks[2].interval = CheckInterval{0.09, 0.15, 0.95, 20, 3};
  return comparison;
}

TEST(JUnit, IsWhatReadersOfTestResultsExpect) {
  const Element root = XmlReader(to_junit(comparison_of_all_verdicts())).document();
  EXPECT_EQ(root.name, "testsuites");
  ASSERT_EQ(root.children.size(), 1u);
  const Element& suite = root.children[0];
  EXPECT_EQ(suite.name, "testsuite");
  for (const Element* counted : {&root, &suite}) {
    EXPECT_EQ(counted->attribute("tests"), "6");
    EXPECT_EQ(counted->attribute("failures"), "2");
    EXPECT_EQ(counted->attribute("errors"), "0");
    EXPECT_EQ(counted->attribute("skipped"), "2");
  }
  ASSERT_EQ(suite.children.size(), 7u);
  EXPECT_EQ(suite.children[0].name, "properties");
  EXPECT_EQ(suite.children[0].children[1].attribute("value"), "new & \"odd\" <name>.json");
  for (std::size_t i = 1; i < 7; ++i) {
    EXPECT_EQ(suite.children[i].name, "testcase");
    EXPECT_EQ(suite.children[i].attribute("name"), "mean_kld max_increase_percent");
  }
  EXPECT_EQ(suite.children[1].attribute("classname"), "q4_0");
  EXPECT_TRUE(suite.children[1].children.empty());
  const Element& failure = suite.children[2].children.at(0);
  EXPECT_EQ(failure.name, "failure");
  EXPECT_EQ(failure.attribute("type"), "regression");
  EXPECT_THAT(failure.attribute("message"),
              HasSubstr("0.1 in the baseline, 0.12 now (+20 %), limit +5 %, a \"quoted\" <note> & more?"));
  EXPECT_EQ(failure.text, "blk.0.ffn_up.weight\nblk.0.<odd>\n");
  EXPECT_EQ(suite.children[3].children.at(0).name, "skipped");
  EXPECT_THAT(suite.children[3].children.at(0).attribute("message"),
              HasSubstr("95 % interval of the change -10 .. +50 %"));
  EXPECT_EQ(suite.children[4].children.at(0).name, "system-out");
  EXPECT_EQ(suite.children[5].children.at(0).name, "skipped");
  EXPECT_EQ(suite.children[6].children.at(0).attribute("type"), "inconclusive");
}

TEST(Markdown, SaysTheVerdictFirstAndWhatFailsOnTop) {
  const std::string text = to_markdown(comparison_of_all_verdicts());
  EXPECT_THAT(text, testing::StartsWith("## quantbench compare\n\n**REGRESSION: 1 passed, 1 regressed, 1 not checked, "
                                        "2 inconclusive, 1 warning, against gates.yaml**\n\n| method"));
  const auto place = [&](const std::string& part) { return text.find(part); };
  EXPECT_LT(place("rtn:q4_0"), place("f32\\|x")) << "in their order";
  EXPECT_LT(place("f32\\|x"), place("| q8_0")) << "failures before warnings";
  EXPECT_LT(place("| q8_0"), place("| q5_0")) << "warnings before what is inconclusive";
  EXPECT_LT(place("| q5_0"), place("<details>"));
  EXPECT_GT(place("| q4_0"), place("<details>")) << "what passes is folded";
  EXPECT_GT(place("| f16"), place("<details>"));
  EXPECT_THAT(text, HasSubstr("</details>"));
}

TEST(Markdown, WithNothingToReportIsShort) {
  Comparison comparison = comparison_of_all_verdicts();
  comparison.checks.resize(1);
  EXPECT_THAT(to_markdown(comparison),
              testing::StartsWith("## quantbench compare\n\n**PASS: 1 passed, 0 regressed, 0 not "
                                  "checked, against gates.yaml**\n\nBaseline"));
}

}  // namespace
}  // namespace quantbench
