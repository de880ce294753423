// Numbers that CPython 3.11 and NumPy 2.4 give.
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/hash.h"
#include "datasets/numpy_random.h"
#include "datasets/python_random.h"

namespace quantbench {
namespace {

using testing::ElementsAre;

TEST(PythonRandom, GivesTheNumbersOfCPython) {
  struct Case {
    std::uint64_t seed;
    std::vector<std::uint64_t> expected;
  };
  for (const auto& [seed, expected] : std::vector<Case>{
           {0, {201979, 220500, 21225, 135746, 268055, 254766, 0, 1, 2046968324, 6, 447, 285, 1210484339}},
           {1, {70445, 298426, 33086, 133729, 61823, 259750, 0, 1, 1630434966, 5, 192, 999, 121751464}},
           {42, {335243, 58369, 13112, 144194, 128393, 117026, 0, 0, 373399426, 7, 864, 65, 127978094}},
           {(1ULL << 32) + 5,
            {82456, 254539, 148104, 316907, 7614, 186156, 0, 1, 1522296832, 5, 644, 403, 4156184790}}}) {
    PythonRandom random(seed);
    std::vector<std::uint64_t> drawn;
    for (int count = 0; count < 6; ++count) drawn.push_back(random.randint(0, 356316));
    drawn.push_back(random.randint(0, 0));
    drawn.push_back(random.randint(0, 1));
    drawn.push_back(random.randint(0, 2147483648));
    drawn.push_back(random.randint(5, 7));
    drawn.push_back(random.randint(0, 1023));
    drawn.push_back(random.randint(0, 1024));
    drawn.push_back(random.randint(0, 4294967293));
    EXPECT_EQ(drawn, expected) << "seed " << seed;
  }
}

TEST(PythonRandom, GoesOnBeyondOneStateOfTheGenerator) {
  PythonRandom random(0);
  std::uint64_t sum = 0;
  std::vector<std::uint64_t> last;
  for (int count = 0; count < 2000; ++count) {
    last.push_back(random.randint(0, 999));
    sum += last.back();
  }
  EXPECT_EQ(sum, 989305u);
  EXPECT_THAT(std::vector(last.end() - 5, last.end()), ElementsAre(735, 287, 968, 264, 550));
}

TEST(PythonRandom, RefusesEmptyRanges) {
  EXPECT_THROW(PythonRandom(0).randint(1, 0), Error);
  EXPECT_THROW(PythonRandom(0).randint(0, 1ULL << 40), Error);
}

TEST(NumpyPermutation, IsThatOfTheDefaultGenerator) {
  EXPECT_THAT(numpy_permutation(42, 10), ElementsAre(5, 6, 0, 7, 3, 2, 4, 9, 1, 8));
  EXPECT_THAT(numpy_permutation(0, 7), ElementsAre(2, 4, 3, 6, 5, 0, 1));
  EXPECT_THAT(numpy_permutation(42, 1), ElementsAre(0));
  EXPECT_THAT(numpy_permutation(4294967295, 5), ElementsAre(0, 4, 3, 2, 1));
  EXPECT_TRUE(numpy_permutation(42, 0).empty());
  const std::vector<std::uint32_t> pile = numpy_permutation(42, 214670);  // the documents of the Pile's validation set
  EXPECT_EQ(sha256(fmt::format("{}", fmt::join(pile, ","))),
            "e2c0916363f0200c3fa38cd44cf9eb59fd89ad146053918f5c9f0eafdb6019cd");
}

}  // namespace
}  // namespace quantbench
