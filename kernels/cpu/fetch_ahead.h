// Asking for memory before it is read, in one long stream.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quantbench {
namespace {

/// Asks for what comes some way after `bytes` bytes at p; behind the end of the memory that does nothing. The machine's own
/// prefetching stops at the end of each page, and the instructions in flight reach less than 1 KiB ahead, so without it each page would
/// begin with a wait for memory. What is far goes to the second cache, which can wait for more lines at once than the first, and then to
/// the first. Measured with Q4_0 and Q8_0: 55 and 70 % of the read bandwidth without, 80 and 90 % with one step to the first cache, 95
/// and 105 % like this.
template <std::size_t bytes>
[[gnu::always_inline]] inline void fetch_ahead(const void* p) {
  constexpr std::size_t far = 3072, near = 512, line = 64;
  constexpr int second_cache = 2, first_cache = 3;
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  for (std::size_t i = 0; i < bytes; i += line) {
    __builtin_prefetch(reinterpret_cast<const void*>(address + far + i), 0, second_cache);
    __builtin_prefetch(reinterpret_cast<const void*>(address + near + i), 0, first_cache);
  }
}

}  // namespace
}  // namespace quantbench
