#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "core/checked.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "core/registry.h"
#include "core/suggest.h"
#include "core/testing/temporary_folder.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Checked, OverflowIsAnError) {
  EXPECT_EQ(checked_add<std::uint64_t>(1, 2), 3u);
  EXPECT_THROW(checked_add<std::uint64_t>(~0ull, 1), Error);
  EXPECT_EQ(checked_multiply<std::size_t>(1u << 20, 1u << 20), std::size_t{1} << 40);
  EXPECT_THROW(checked_multiply<std::uint64_t>(1ull << 33, 1ull << 33), Error);
  EXPECT_EQ(checked_cast<std::uint8_t>(255), 255);
  EXPECT_THROW(checked_cast<std::uint8_t>(256), Error);
  EXPECT_THROW(checked_cast<std::uint32_t>(-1), Error);
  EXPECT_EQ(checked_align_up(33, 32), 64u);
  EXPECT_EQ(checked_align_up(64, 32), 64u);
  EXPECT_THROW(checked_align_up(~0ull, 32), Error);
}

TEST(Parallel, VisitsEveryIndexOnce) {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> visits(1000);
    parallel_for(threads, visits.size(), [&](std::size_t index) { ++visits[index]; });
    for (const auto& count : visits) ASSERT_EQ(count, 1);
  }
}

TEST(Parallel, RethrowsOnTheCallingThread) {
  for (const int threads : {1, 2})
    EXPECT_THROW(parallel_for(threads, 100,
                              [](std::size_t index) {
                                if (index == 42) fail("at {}", index);
                              }),
                 Error);
}

// FIPS 180-2, appendix B.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

class Files : public testing::Test {
 protected:
  testing_support::TemporaryFolder folder_;
};

TEST_F(Files, AtomicWriteReplacesTheWholeFile) {
  write_text_atomically(folder_ / "a", "one");
  write_text_atomically(folder_ / "a", "three");
  EXPECT_EQ(read_text(folder_ / "a"), "three");
}

TEST_F(Files, WithoutCommitNothingIsLeft) {
  write_text_atomically(folder_ / "a", "kept");
  {
    AtomicFile file(folder_ / "a");
    file.write("half");
  }
  EXPECT_EQ(read_text(folder_ / "a"), "kept");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(Files, ErrorsNameThePath) {
  EXPECT_THAT([&] { MappedFile{folder_ / "absent"}; }, testing::ThrowsMessage<Error>(HasSubstr("absent")));
  EXPECT_THAT([&] { MappedFile{folder_.path()}; }, testing::ThrowsMessage<Error>(HasSubstr("not a regular file")));
  EXPECT_THROW(write_text_atomically(folder_ / "no" / "such", "x"), Error);
  write_text_atomically(folder_ / "empty", "");
  EXPECT_TRUE(MappedFile(folder_ / "empty").bytes().empty());
}

TEST_F(Files, ReleasedPagesAreReadAgain) {
  const std::string text(100'000, 'x');
  write_text_atomically(folder_ / "a", text);
  const MappedFile file(folder_ / "a");
  EXPECT_TRUE(file.release(file.bytes().subspan(10, 90'000)));
  EXPECT_TRUE(std::ranges::equal(file.bytes(), std::as_bytes(std::span(text))));
  EXPECT_TRUE(file.release(file.bytes().last(1))) << "less than a page";
  const std::vector<std::byte> other(100'000);
  EXPECT_FALSE(file.release(other)) << "not in the mapping";
}

TEST(Suggest, NearestFirst) {
  const std::vector<std::string> known{"gptq", "awq", "absmax", "zero_point", "rtn"};
  EXPECT_THAT(near_matches("gtpq", known), ElementsAre("gptq"));
  EXPECT_EQ(suggestion("absmx", known), "; did you mean absmax?");
  EXPECT_THAT(suggestion("something_else", known), HasSubstr("known: gptq, awq"));
}

struct Toy {
  static constexpr const char* kind = "toy";
  int value = 0;
};
const Register<Toy> registered{"one", {1}};

TEST(Registry, FindsAndSuggests) {
  EXPECT_EQ(Registry<Toy>::instance().at("one").value, 1);
  EXPECT_THAT([] { Registry<Toy>::instance().at("onn"); },
              testing::ThrowsMessage<Error>(HasSubstr("unknown toy 'onn'; did you mean one?")));
  EXPECT_THROW((Register<Toy>{"one", {2}}), Error);
}

}  // namespace
}  // namespace quantbench
