#include "core/large_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace quantbench {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

TEST(LargePages, LargeVectorsBeginAtAPageAndKeepWhatTheyHold) {
  LargePages<std::uint32_t> numbers(1000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::uint32_t>(i);
  numbers.resize(2 * mebibyte);  // 8 MiB
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % (2 * mebibyte), 0u);
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i < 1000 ? i : 0);
  const LargePages<std::uint32_t> moved = std::move(numbers);
  EXPECT_EQ(moved[999], 999u);
}

TEST(LargePages, SizesThatNoMemoryHasAreRefused) {
  LargePageAllocator<std::uint64_t> allocator;
  EXPECT_THROW(allocator.allocate(std::numeric_limits<std::size_t>::max() / 8), std::bad_array_new_length);
}

}  // namespace
}  // namespace quantbench
