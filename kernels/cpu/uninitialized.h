// Memory for large intermediate results of kernels.
#pragma once

#include <cstddef>
#include <memory>

#include "core/checked.h"

namespace quantbench {

inline constexpr std::size_t cache_line = 64;

/// Numbers that nothing is written to before their use, from the begin of a cache line on: rows that straddle lines cost matrix units
/// a part of their speed.
template <class T>
class Uninitialized {
 public:
  explicit Uninitialized(std::size_t count)
      : lines_(std::make_unique_for_overwrite<Line[]>(divide_up(checked_multiply(count, sizeof(T)), cache_line))) {}
  T* at(std::size_t index) const { return reinterpret_cast<T*>(lines_.get()) + index; }

 private:
  struct alignas(cache_line) Line {
    std::byte bytes[cache_line];
  };
  std::unique_ptr<Line[]> lines_;
};

}  // namespace quantbench
