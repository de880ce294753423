#include "datasets/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "core/testing/temporary_folder.h"

namespace quantbench {
namespace {

std::filesystem::path write(std::string_view name, std::string_view content) {
  static const testing_support::TemporaryFolder folder;
  return folder.write(name, content);
}

TEST(Text, KeepsTheBytesAndNamesThem) {
  const Text text = load_text(write("quantbench_text_test.txt", "abc"));
  EXPECT_EQ(text.name, "quantbench_text_test.txt");
  EXPECT_EQ(text.content, "abc");
  EXPECT_EQ(text.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, appendix B.1
}

TEST(Text, RefusesWhatIsNoText) {
  EXPECT_THROW(load_text(write("quantbench_text_empty.txt", "")), Error);
  EXPECT_THROW(load_text("/nonexistent/quantbench.txt"), Error);
  EXPECT_THAT([] { load_text(write("quantbench_text_latin1.txt", "caf\xE9 noir")); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("offset 3")));
}

TEST(Text, Utf8FollowsTheUnicodeTable) {
  for (const std::string_view good : {"", "plain", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                      "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(first_invalid_utf8(good), good.size()) << testing::PrintToString(good);
  for (const std::string_view bad :
       {"ab\x80", "ab\xC0\x80", "ab\xC1\xBF", "ab\xC2", "ab\xC2z", "ab\xE0\x9F\xBF", "ab\xED\xA0\x80", "ab\xE2\x82",
        "ab\xE2\x82z", "ab\xF0\x8F\xBF\xBF", "ab\xF4\x90\x80\x80", "ab\xF5\x80\x80\x80", "ab\xFF"})
    EXPECT_EQ(first_invalid_utf8(bad), 2u) << testing::PrintToString(bad);
}

}  // namespace
}  // namespace quantbench
