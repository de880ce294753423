#include "models/tokenizers/oniguruma.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/tokenizers/regular_expression.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Oniguruma, KeepsWhatBothEnginesUnderstand) {
  for (const char* expression : {R"((?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}]+[\r\n]*|\s+(?!\S))",
                                 R"([^\r\n]?+\p{Lu}++(?<=a)(?<!b)(?>c){2,}\$\.\[)", "中文|[一-龥]"})
    EXPECT_EQ(pcre2_of_oniguruma(expression), expression);
}

TEST(Oniguruma, SpellsOtherwiseWhatPcre2Lacks) {
  EXPECT_EQ(pcre2_of_oniguruma(R"( ?[^(\s|[.,!?…])]+)"), R"( ?[^(\s|.,!?…)]+)");
  EXPECT_EQ(pcre2_of_oniguruma(R"([a[b[c]]d])"), "[abcd]");
  EXPECT_EQ(pcre2_of_oniguruma(R"(\s+$)"), R"(\s+(?=\n|\z))");
  EXPECT_EQ(pcre2_of_oniguruma(R"(\v)"), R"(\x0B)");
  // The end of any line, as Ruby has it.
  MatchBuffers buffers;
  EXPECT_EQ(RegularExpression(pcre2_of_oniguruma("a$")).matches("a\nab\na", buffers).size(), 2u);
}

TEST(Oniguruma, RefusesTheRestWithItsPlace) {
  struct Case {
    std::string expression;
    const char* message;
  };
  for (const Case& bad : std::vector<Case>{{R"(a\b)", "byte 1: this escape sequence"},
                                           {R"(\w)", "byte 0: this escape sequence"},
                                           {R"(\h)", "escape"},
                                           {R"(\1)", "escape"},
                                           {"\\", "escape"},
                                           {"a.b", "byte 1: '.'"},
                                           {"^a", "byte 0: '^'"},
                                           {"[a&&b]", "intersection"},
                                           {"[a[^b]]", "negated class"},
                                           {"[a-[b]]", "'-' before a class"},
                                           {"[[:alpha:]]", "POSIX"},
                                           {"[]a]", "empty class"},
                                           {"[a", "does not end"},
                                           {"(?<x>a)", "this kind of group"},
                                           {"(?m:a)", "this kind of group"},
                                           {"a{1,3}+", "'+' after a count"},
                                           {"a{x}", "begins no count"},
                                           {"a{,3}", "begins no count"},
                                           {R"(\p{^L})", "this property"},
                                           {R"(\pL)", "this property"},
                                           {"\xFF", "not UTF-8"},
                                           {std::string(9000, 'a'), "more than 8192 bytes"}})
    EXPECT_THAT([&] { pcre2_of_oniguruma(bad.expression); }, ThrowsMessage<Error>(HasSubstr(bad.message)))
        << bad.expression;
}

}  // namespace
}  // namespace quantbench
