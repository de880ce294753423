#include "models/architectures/blocks/exponential.h"

#include <algorithm>

namespace quantbench {
namespace {

template <class T, std::size_t Width>
[[gnu::always_inline]] inline void exponentials_of(std::span<T> values) {
  std::size_t index = 0;
  Simd<T, Width> x;
  for (; index + Width <= values.size(); index += Width) {
    load<T, Width>(&values[index], x);
    exponential<T, Width>(x);
    store<T, Width>(x, &values[index]);
  }
  if (index == values.size()) return;
  T rest[Width] = {};
  std::copy(values.begin() + static_cast<std::ptrdiff_t>(index), values.end(), rest);
  load<T, Width>(rest, x);
  exponential<T, Width>(x);
  store<T, Width>(x, rest);
  std::copy_n(rest, values.size() - index, values.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace

void exponentials(std::span<float> values, Isa isa) {
  with_simd(
      isa, [&](auto width) __attribute__((always_inline)) { exponentials_of<float, width()>(values); });
}

void exponentials(std::span<double> values, Isa isa) {
  with_simd(
      isa, [&](auto width) __attribute__((always_inline)) { exponentials_of<double, width() / 2>(values); });
}

}  // namespace quantbench
