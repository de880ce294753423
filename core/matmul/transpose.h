// In-register transpose of squares of 32-bit words, over the vector types of core/vector_x.h. Anonymous, since it is compiled once
// per instruction set.
#pragma once

#include <cstddef>

namespace quantbench {
namespace {

/// In place, of a V::width square: after log2(width) rounds of interleaving the two halves.
template <class V>
[[gnu::always_inline]] inline void transpose(typename V::Register (&rows)[V::width]) {
  for (std::size_t round = 1; round < V::width; round *= 2) {
    typename V::Register mixed[V::width];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < V::width / 2; ++i)
      V::interleave(rows[i], rows[i + V::width / 2], mixed[2 * i], mixed[2 * i + 1]);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < V::width; ++i) rows[i] = mixed[i];
  }
}

}  // namespace
}  // namespace quantbench
