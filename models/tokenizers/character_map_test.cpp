#include "models/tokenizers/character_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"
#include "models/tokenizers/unicode_text.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string block(const std::vector<std::uint32_t>& units, std::string_view replacements) {
  std::string bytes(4 + units.size() * 4, '\0');
  const auto length = static_cast<std::uint32_t>(units.size() * 4);
  std::memcpy(bytes.data(), &length, 4);
  std::memcpy(bytes.data() + 4, units.data(), length);
  return bytes + std::string(replacements);
}

constexpr std::uint32_t leaf = 1u << 8;
constexpr std::uint32_t value = 1u << 31;
std::uint32_t offset(std::uint32_t amount) { return amount << 10; }

/// The keys "a" (replaced by "x") and "ab" (by "yz"): root at 0, 'a' at 1 ^ 0x61, its value at that ^ 2, and so on.
std::string small_map() {
  std::vector<std::uint32_t> units(512, 0);
  units[0] = offset(1);
  const std::uint32_t a = 1 ^ 'a';
  units[a] = 'a' | leaf | offset(a ^ 0x100);  // children at 0x100
  units[0x100] = value | 0;
  const std::uint32_t b = 0x100 ^ 'b';
  units[b] = 'b' | leaf | offset(b ^ 0x101);
  units[0x101] = value | 2;
  return block(units, std::string_view("x\0yz\0", 5));
}

TEST(CharacterMap, FindsKeysShortestFirst) {
  const CharacterMap map(small_map(), "map");
  const auto found = map.prefixes("abc");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].replacement, "x");
  EXPECT_EQ(found[1].replacement, "yz");
  EXPECT_EQ(found[1].length, 2u);
  EXPECT_TRUE(map.prefixes("ba").empty());
  EXPECT_TRUE(map.prefixes("").empty());
  EXPECT_EQ(mapped_by_clusters(map, "cab\xFF"), "cxb\xFF");
  EXPECT_EQ(mapped_by_clusters(map, "a\u0301"), "x");  // one cluster: all of it goes
}

TEST(CharacterMap, RefusesLengthsThatDoNotFitAndSurvivesBadLinks) {
  EXPECT_THAT([] { CharacterMap("ab", "map"); }, ThrowsMessage<Error>(HasSubstr("map: byte 0")));
  EXPECT_THAT([] { CharacterMap(block({1, 2}, "").substr(0, 8), "map"); }, ThrowsMessage<Error>(HasSubstr("the trie")));
  EXPECT_THAT([] { CharacterMap(block({}, ""), "map"); }, ThrowsMessage<Error>(HasSubstr("0 bytes")));
  EXPECT_THAT([] { CharacterMap(block({1}, "x"), "map"); }, ThrowsMessage<Error>(HasSubstr("does not end with NUL")));
  EXPECT_TRUE(CharacterMap(block({0xFFFFFFFF}, std::string_view("x\0", 2)), "map").prefixes("abc").empty());
}

TEST(Base64, Decodes) {
  EXPECT_EQ(decoded_base64("", "x"), "");
  EXPECT_EQ(decoded_base64("Zg==", "x"), "f");
  EXPECT_EQ(decoded_base64("Zm8=", "x"), "fo");
  EXPECT_EQ(decoded_base64("Zm9vYmFy", "x"), "foobar");  // RFC 4648, section 10
  EXPECT_THAT([] { decoded_base64("Zm9", "here"); }, ThrowsMessage<Error>(HasSubstr("here: base64 text of 3")));
  EXPECT_THAT([] { decoded_base64("Zm9*", "here"); }, ThrowsMessage<Error>(HasSubstr("here: not base64")));
}

TEST(GraphemeClusters, AreWhatReadersTakeForCharacters) {
  EXPECT_THAT(grapheme_clusters("ae\u0301\r\n👨‍👩‍👧🇩🇪🇫🇷\xFF"),
              ElementsAre("a", "e\u0301", "\r\n", "👨‍👩‍👧", "🇩🇪", "🇫🇷", "\xFF"));
}

}  // namespace
}  // namespace quantbench
