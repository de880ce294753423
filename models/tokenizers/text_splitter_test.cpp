#include "models/tokenizers/text_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/error.h"
#include "models/tokenizers/pre_tokenizers.h"
#include "models/tokenizers/utf8.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::string_view> split(const std::vector<std::string_view>& expressions, std::string_view text) {
  return TextSplitter(expressions).split(text);
}

std::vector<std::string_view> split_as(std::string_view name, std::string_view text) {
  return TextSplitter(pre_tokenizer(name).expressions).split(text);
}

TEST(TextSplitter, MatchesAndWhatLiesBetweenThemArePieces) {
  EXPECT_THAT(split({"b+"}, "abbcb"), ElementsAre("a", "bb", "c", "b"));
  EXPECT_THAT(split({"b+"}, ""), ElementsAre());
  EXPECT_THAT(split({}, "abc"), ElementsAre("abc"));
}

TEST(TextSplitter, LaterExpressionsSeeOnlyOnePiece) {
  // The look-ahead of the second expression does not see the digit that the first one cut off.
  EXPECT_THAT(split({R"(\d)", R"([a-z]+(?!\d))"}, "ab1cd"), ElementsAre("ab", "1", "cd"));
  EXPECT_THAT(split({R"([\r\n])", R"(\s+$)"}, "a  \nb "), ElementsAre("a", "  ", "\n", "b", " "));
}

TEST(TextSplitter, AnEmptyMatchCuts) {
  EXPECT_THAT(split({R"((?=(\d{3})+(?!\d)))"}, "1234567"), ElementsAre("1", "234", "567"));
  EXPECT_THAT(split({R"((?=(\d{3})+(?!\d)))"}, "123456"), ElementsAre("123", "456"));
  EXPECT_THAT(split({"x*"}, "axxb"), ElementsAre("a", "xx", "b"));
}

TEST(TextSplitter, BytesThatAreNotUtf8ArePiecesOfTheirOwn) {
  EXPECT_THAT(split({R"(\p{L}+)"}, "ab\xFF\xFE\xC3\xA9z\xC3"), ElementsAre("ab", "\xFF\xFE", "\xC3\xA9z", "\xC3"));
}

TEST(TextSplitter, ExpressionsThatDoNotCompileAreNamed) {
  const std::vector<std::string_view> expressions = {"(a"};
  EXPECT_THAT([&] { TextSplitter{expressions}; }, ThrowsMessage<Error>(HasSubstr("'(a', offset 2")));
}

TEST(TextSplitter, StopsAtItsLimits) {
  // Exponentially many ways to match, none of which reaches the end.
  EXPECT_THAT([] { split({"(?:a|aa)+$"}, std::string(59, 'a').append("b")); },
              ThrowsMessage<Error>(HasSubstr("60 bytes")));
}

TEST(Utf8, LengthsOfWellFormedAndBrokenCharacters) {
  struct Case {
    std::string_view text;
    std::size_t length;
  };
  for (const auto& [text, length] : std::vector<Case>{{"a", 1},
                                                      {"\x7F", 1},
                                                      {"\x80", 0},
                                                      {"\xC2\x80", 2},
                                                      {"\xC1\xBF", 0},      // overlong
                                                      {"\xC3", 0},          // cut off
                                                      {"\xC3(", 0},         // no continuation
                                                      {"\xE0\xA0\x80", 3},  // U+0800
                                                      {"\xE0\x9F\xBF", 0},  // overlong
                                                      {"\xED\x9F\xBF", 3},  // U+D7FF
                                                      {"\xED\xA0\x80", 0},  // surrogate
                                                      {"\xEF\xBF\xBF", 3},
                                                      {"\xF0\x90\x80\x80", 4},  // U+10000
                                                      {"\xF0\x8F\xBF\xBF", 0},  // overlong
                                                      {"\xF4\x8F\xBF\xBF", 4},  // U+10FFFF
                                                      {"\xF4\x90\x80\x80", 0},  // above
                                                      {"\xF5\x80\x80\x80", 0},
                                                      {"\xF1\x80\x80", 0}}) {
    EXPECT_EQ(utf8_character_length(text), length) << testing::PrintToString(text);
  }
}

TEST(PreTokenizers, SplitAsPublished) {
  EXPECT_THAT(split_as("gpt-2", "I've 12 dogs,  ok"), ElementsAre("I", "'ve", " 12", " dogs", ",", " ", " ok"));
  EXPECT_THAT(split_as("starcoder", "a 12"), ElementsAre("a", " ", "1", "2"));
  EXPECT_THAT(split_as("llama-bpe", "I'VE 12345\n\n x"), ElementsAre("I", "'VE", " ", "123", "45", "\n\n", " x"));
  EXPECT_THAT(split_as("qwen2", "a 12 b"), ElementsAre("a", " ", "1", "2", " b"));
  EXPECT_THAT(split_as("falcon", "(1234)"), ElementsAre("(", "123", "4", ")"));
  EXPECT_THAT(split_as("default", "x 1234"), ElementsAre("x", " ", "123", "4"));
  EXPECT_THAT(split_as("tekken", "camelCase ÉCOLEs"), ElementsAre("camel", "Case", " ÉCOLEs"));
  EXPECT_THAT(split_as("gpt-4o", "camelCase's 1234"), ElementsAre("camel", "Case's", " ", "123", "4"));
  EXPECT_THAT(split_as("deepseek-llm", "ab cd, 12\n"), ElementsAre("ab", " cd", ",", " ", "12", "\n"));
  EXPECT_THAT(split_as("deepseek-v3", "ab1234一ab"), ElementsAre("ab", "123", "4", "一", "ab"));
  EXPECT_THAT(split_as("kimi-k2", "ab中文cD"), ElementsAre("ab", "中文", "c", "D"));
  EXPECT_THAT(split_as("superbpe", "by the way 1234567"), ElementsAre("by the way ", "1", "234", "567"));
  EXPECT_THAT(split_as("tiny_aya", "a 1234567 b"), ElementsAre("a", " ", "1", "234", "567", " b"));
  EXPECT_THAT(split_as("bloom", "Hi, you"), ElementsAre("Hi", ",", " you"));
}

TEST(PreTokenizers, EveryOneKeepsTheTextWhole) {
  std::mt19937 random(7);
  const std::vector<std::string_view> alphabet = {"a",  "B", "é",  "1",    " ", "\n", "\t",
                                                  "'s", ",", "中", "\xFF", "́",  "$"};
  for (const std::string& name : pre_tokenizer_names()) {
    const TextSplitter splitter(pre_tokenizer(name).expressions);
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::string text;
      for (int length = 0; length < 20; ++length) text += alphabet[random() % alphabet.size()];
      std::string joined;
      for (const std::string_view piece : splitter.split(text)) {
        EXPECT_FALSE(piece.empty());
        joined += piece;
      }
      EXPECT_EQ(joined, text) << name;
    }
  }
}

TEST(PreTokenizers, UnknownNamesListTheKnown) {
  EXPECT_THAT([] { pre_tokenizer("llama4000"); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("'llama4000'"), HasSubstr("gpt-2"), HasSubstr("viking"))));
}

}  // namespace
}  // namespace quantbench
