// Arithmetic on sizes that come from files or configs: an overflow is an Error, never a wrapped number.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/error.h"

namespace quantbench {

template <std::integral T>
T checked_add(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) fail("number out of range: {} + {} does not fit", a, b);
  return sum;
}

template <std::integral T>
T checked_multiply(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) fail("number out of range: {} x {} does not fit", a, b);
  return product;
}

/// `value` as a `To`, or an Error naming `what` when it does not fit.
template <std::integral To, std::integral From>
To checked_cast(From value, const char* what = "number") {
  if (!std::in_range<To>(value)) fail("{} out of range: {}", what, value);
  return static_cast<To>(value);
}

/// The smallest multiple of `alignment` (> 0) that is >= `value`.
inline std::uint64_t checked_align_up(std::uint64_t value, std::uint64_t alignment) {
  const std::uint64_t rest = value % alignment;
  return rest == 0 ? value : checked_add(value, alignment - rest);
}

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace quantbench
