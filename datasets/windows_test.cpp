#include "datasets/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "core/error.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::int32_t> counting(std::size_t count) {
  std::vector<std::int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), 10);
  return tokens;
}

TEST(Protocol, NamesAndLengths) {
  const Protocol llamacpp = parse_protocol("llamacpp-512");
  EXPECT_EQ(llamacpp.name, "llamacpp-512");
  EXPECT_EQ(llamacpp.window, 512u);
  EXPECT_EQ(llamacpp.first_scored, 256u);
  EXPECT_EQ(llamacpp.scored_per_window(), 255u);
  EXPECT_TRUE(llamacpp.bos_in_each_window);
  EXPECT_EQ(llamacpp.minimum_windows, 2u);

  const Protocol gptq = parse_protocol("gptq-2048");
  EXPECT_EQ(gptq.name, "gptq-2048");
  EXPECT_EQ(gptq.scored_per_window(), 2047u);
  EXPECT_FALSE(gptq.bos_in_each_window);
  EXPECT_EQ(gptq.minimum_windows, 1u);

  EXPECT_EQ(parse_protocol("gptq").name, "gptq-2048");
  EXPECT_EQ(parse_protocol("llamacpp").name, "llamacpp-512");
  EXPECT_EQ(parse_protocol("llamacpp", 128).name, "llamacpp-128");
  EXPECT_EQ(parse_protocol("llamacpp-512", 128).name, "llamacpp-128");
  EXPECT_EQ(parse_protocol("llamacpp-129").scored_per_window(), 64u);
  EXPECT_EQ(parse_protocol("llamacpp-3").scored_per_window(), 1u);
  EXPECT_EQ(parse_protocol("gptq-2").scored_per_window(), 1u);
}

TEST(Protocol, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT([] { parse_protocol("lamacpp-512"); }, ThrowsMessage<Error>(HasSubstr("llamacpp-512")));
  for (const char* name : {"", "gptq-", "gptq-x", "gptq-12x", "gptq--5", "llamacpp-2", "gptq-1", "gptq-0",
                           "llamacpp512", "gptq-1048577", "gptq-99999999999999999999"})
    EXPECT_THROW(parse_protocol(name), Error) << name;
  EXPECT_THROW(parse_protocol("gptq", 1), Error);
}

TEST(Windows, LlamacppOverwritesTheFirstTokenOfEachWindow) {
  const Protocol protocol = parse_protocol("llamacpp-4");
  const Windows windows = cut_windows(counting(10), protocol, 1);  // 11 tokens with BOS: two windows, three dropped
  EXPECT_EQ(windows.count, 2u);
  EXPECT_EQ(windows.length, 4u);
  EXPECT_EQ(windows.scored_per_window, 1u);
  EXPECT_EQ(windows.scored_tokens(), 2u);
  EXPECT_THAT(windows.tokens, ElementsAre(1, 10, 11, 12, 1, 14, 15, 16));
  EXPECT_THAT(windows.window(1), ElementsAre(1, 14, 15, 16));
}

TEST(Windows, WithoutBosNothingIsOverwritten) {
  const Windows windows = cut_windows(counting(8), parse_protocol("llamacpp-4"), std::nullopt);
  EXPECT_THAT(windows.tokens, ElementsAre(10, 11, 12, 13, 14, 15, 16, 17));
}

TEST(Windows, GptqHasOneBosAtTheVeryStart) {
  const Windows windows = cut_windows(counting(6), parse_protocol("gptq-3"), 1);
  EXPECT_EQ(windows.scored_per_window, 2u);
  EXPECT_THAT(windows.tokens, ElementsAre(1, 10, 11, 12, 13, 14));
  EXPECT_THAT(cut_windows(counting(3), parse_protocol("gptq-3"), std::nullopt).tokens, ElementsAre(10, 11, 12));
}

TEST(Windows, MostLimitsTheirNumber) {
  EXPECT_EQ(cut_windows(counting(100), parse_protocol("gptq-8"), 1, 3).count, 3u);
  EXPECT_EQ(cut_windows(counting(100), parse_protocol("gptq-8"), 1, 50).count, 12u);
  EXPECT_EQ(cut_windows(counting(100), parse_protocol("llamacpp-8"), 1, 1).tokens.size(), 8u);
}

TEST(Windows, TooFewTokensSayHowManyAreNeeded) {
  EXPECT_THAT([] { cut_windows(counting(6), parse_protocol("llamacpp-4"), 1); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("8 tokens"), HasSubstr("has 7"))));
  EXPECT_NO_THROW(cut_windows(counting(7), parse_protocol("llamacpp-4"), 1));
  EXPECT_THROW(cut_windows({}, parse_protocol("gptq-2"), 1), Error);
}

}  // namespace
}  // namespace quantbench
