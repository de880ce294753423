#include "models/tokenizers/unicode_text.h"

#include <gtest/gtest.h>

namespace quantbench {
namespace {

// The examples of Unicode Standard Annex 15, figures 3 to 6.
TEST(UnicodeText, NormalizesAsTheAnnexShows) {
  using enum NormalizationForm;
  EXPECT_EQ(unicode_normalized("\u1E0B\u0323", nfd), "d\u0323\u0307");
  EXPECT_EQ(unicode_normalized("\u1E0B\u0323", nfc), "\u1E0D\u0307");
  EXPECT_EQ(unicode_normalized("\u212B\u2126\uFB01", nfc), "\u00C5\u03A9\uFB01");
  EXPECT_EQ(unicode_normalized("\uFB01 2\u2075", nfkc), "fi 25");
  EXPECT_EQ(unicode_normalized("\u1E9B\u0323", nfkd), "s\u0323\u0307");
  EXPECT_EQ(unicode_normalized("\uAC00", nfd), "\u1100\u1161");
}

TEST(UnicodeText, BytesThatAreNotUtf8AreKept) {
  EXPECT_EQ(unicode_normalized("e\u0301\xFFo\u0301\xC3", NormalizationForm::nfc), "\u00E9\xFF\u00F3\xC3");
  EXPECT_EQ(lowercased("A\xFF\xC3Z"), "a\xFF\xC3z");
}

TEST(UnicodeText, LowersCharacterByCharacter) { EXPECT_EQ(lowercased("ÄΣΑΣ\u01C5\u0130ß"), "äσασ\u01C6i\u0307ß"); }

TEST(UnicodeText, WhiteSpaceIsTheUnicodeProperty) {
  int count = 0;
  for (std::int32_t code_point = 0; code_point < 0x110000; ++code_point) count += is_whitespace(code_point) ? 1 : 0;
  EXPECT_EQ(count, 25);  // PropList.txt
  EXPECT_FALSE(is_whitespace(0x180E));
  EXPECT_FALSE(is_whitespace(-1));
  EXPECT_EQ(leading_whitespace(" \u3000\u0085a "), 6u);
  EXPECT_EQ(trailing_whitespace(" a\u2028 "), 4u);
  EXPECT_EQ(trailing_whitespace(" \n"), 2u);
  EXPECT_EQ(leading_whitespace("\xFF "), 0u);
}

TEST(UnicodeText, WordCharacters) {
  for (const char32_t c : std::u32string_view(U"aZ9_é中\u0301\u203F\u2160"))
    EXPECT_TRUE(is_word_character(static_cast<std::int32_t>(c))) << std::hex << static_cast<unsigned>(c);
  for (const char32_t c : std::u32string_view(U" -.\n€½"))
    EXPECT_FALSE(is_word_character(static_cast<std::int32_t>(c)));
}

TEST(UnicodeText, FirstAndLastCharacters) {
  EXPECT_EQ(first_code_point("é!"), 0xE9);
  EXPECT_EQ(last_code_point("!中"), 0x4E2D);
  EXPECT_EQ(last_code_point("\xFF"), -1);
  EXPECT_EQ(first_code_point(""), -1);
}

TEST(UnicodeText, Replaces) { EXPECT_EQ(with_replacement("aXXbXcX", "X", "--"), "a----b--c--"); }

}  // namespace
}  // namespace quantbench
