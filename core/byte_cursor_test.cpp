#include "core/byte_cursor.h"

#include <gtest/gtest.h>

#include <array>

#include "core/utf8.h"

namespace quantbench {
namespace {

template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(ByteCursor, ReadsLittleEndianAndStopsAtTheEnd) {
  const std::string text("\x34\x12\x00\x00\x80\x3f\x61\x62\x63", 9);
  ByteCursor cursor(std::as_bytes(std::span(text)), "file");
  EXPECT_EQ(cursor.read<std::uint16_t>("a number"), 0x1234);
  EXPECT_EQ(cursor.read<float>("a number"), 1.0f);
  EXPECT_EQ(error_of([&] { cursor.read<std::uint32_t>("a number"); }),
            "file: byte 6: a number needs 4 bytes, and the file has 3 left");
  EXPECT_EQ(error_of([&] { cursor.take(~std::uint64_t{0}, "a string"); }),
            "file: byte 6: a string needs 18446744073709551615 bytes, and the file has 3 left");
  EXPECT_EQ(cursor.take_text(3, "a string"), "abc");
  EXPECT_EQ(cursor.remaining(), 0u);
  cursor.set_place("key 'k'");
  EXPECT_EQ(error_of([&] { cursor.take(1, "x"); }), "file: byte 9: key 'k': x needs 1 bytes, and the file has 0 left");
}

// Encodes without the rules of is_utf8, for the exhaustive comparison.
std::string encode(std::uint32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCodePointButSurrogates) {
  for (std::uint32_t point = 0; point < 0x120000; ++point)
    ASSERT_EQ(is_utf8(encode(point)), (point < 0xD800 || point > 0xDFFF) && point <= 0x10FFFF) << point;
}

TEST(Utf8, ExactlyTheWellFormedPairsOfBytes) {
  int well_formed = 0;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::array<char, 2> pair = {static_cast<char>(first), static_cast<char>(second)};
      well_formed += is_utf8({pair.data(), 2}) ? 1 : 0;
    }
  EXPECT_EQ(well_formed, 128 * 128 + 0x800 - 0x80);  // two ASCII characters, or one of the two-byte code points
}

TEST(Utf8, OverlongAndCutSequences) {
  for (const char* text : {"\xc0\x80", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                           "\xe2\x82", "\xf0\x9f\x98", "\x80", "\xff", "a\xc3"})
    EXPECT_FALSE(is_utf8(text)) << printable(text);
}

TEST(Utf8, PrintableShowsWhatCannotBePrinted) {
  EXPECT_EQ(printable("h\xc3\xa9"), "'h\xc3\xa9'");
  EXPECT_EQ(printable(std::string_view("a\0\x1b[\xff\x7f", 6)), "'a\\x00\\x1b[\\xff\\x7f'");
  EXPECT_EQ(printable(std::string(100, 'x')), "'" + std::string(80, 'x') + "' ... (100 bytes)");
}

}  // namespace
}  // namespace quantbench
