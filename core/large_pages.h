// Memory for weights. Reading them in long streams is what decode waits for, and with pages of 4 KiB a good part of that is looking up
// pages: measured here, 14.3 GB/s beside 18.3 GB/s with pages of 2 MiB (one thread, Sapphire Rapids in a virtual machine).
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace quantbench {

/// An allocator that asks the system for pages of 2 MiB when there is room for some; the system may decline. Elsewhere than on Linux
/// it is the usual one.
template <class T>
struct LargePageAllocator {
  using value_type = T;

  LargePageAllocator() = default;
  template <class U>
  LargePageAllocator(const LargePageAllocator<U>&) {}

  T* allocate(std::size_t count) {
    if (!is_large(count)) return std::allocator<T>().allocate(count);
    if (count > (static_cast<std::size_t>(-1) - page) / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t bytes = (count * sizeof(T) + page - 1) / page * page;
    void* const memory = std::aligned_alloc(page, bytes);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    if (is_large(count))
      std::free(memory);
    else
      std::allocator<T>().deallocate(memory, count);
  }
  bool operator==(const LargePageAllocator&) const = default;

 private:
  static constexpr std::size_t page = std::size_t{2} << 20;
  static bool is_large(std::size_t count) { return count >= 2 * page / sizeof(T); }
};

template <class T>
using LargePages = std::vector<T, LargePageAllocator<T>>;

}  // namespace quantbench
