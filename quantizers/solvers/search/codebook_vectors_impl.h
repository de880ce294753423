// Vectors of the machine's own width, for codebook_scan_impl.h. GCC 12 takes comparisons of wider ones apart into single
// numbers.
#pragma once

#include <cstdint>

namespace quantbench {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
using Floats = float __attribute__((vector_size(4 * lanes), may_alias));
using Ints = int __attribute__((vector_size(4 * lanes), may_alias));

/// Octets searched at once: as many as costs fill a register. The first half has the even lanes, the second the odd ones.
constexpr int pass = 2 * lanes;
[[gnu::always_inline]] inline int lane_of(int octet_of_pass) {
  return octet_of_pass < lanes ? 2 * octet_of_pass : 2 * (octet_of_pass - lanes) + 1;
}
using Costs = std::uint16_t __attribute__((vector_size(2 * pass), may_alias));
using HalfCosts = std::uint16_t __attribute__((vector_size(2 * lanes), may_alias));
using CostRow = std::uint16_t[pass];

[[gnu::always_inline]] inline Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }
[[gnu::always_inline]] inline void store(float* p, Floats v) { *reinterpret_cast<Floats*>(p) = v; }
[[gnu::always_inline]] inline Costs load(const std::uint16_t* p) { return *reinterpret_cast<const Costs*>(p); }
[[gnu::always_inline]] inline void store(std::uint16_t* p, Costs v) { *reinterpret_cast<Costs*>(p) = v; }
template <class Vector>
[[gnu::always_inline]] inline Vector smaller(Vector a, Vector b) {
  return a < b ? a : b;
}
[[gnu::always_inline]] inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }

}  // namespace
}  // namespace quantbench
