// The chains of int8_chains.h over lanes L: Register, bytes of one, broadcast(byte), add_products(sums, codes, x), first(sums).
// Twelve of them, as in fma_chains_impl.h.
#pragma once

#include "kernels/cpu/int8_chains.h"

namespace quantbench {
namespace {

template <class L>
std::size_t run_int8_chains(std::size_t rounds, std::int32_t* sink) {
  constexpr std::size_t chains = 12;
  typename L::Register sums[chains];
#pragma GCC unroll 12
  for (std::size_t chain = 0; chain < chains; ++chain) sums[chain] = L::broadcast(static_cast<signed char>(chain));
  // Volatile, or the compiler would add up known products by itself.
  const volatile signed char one = 1;
  const auto codes = L::broadcast(one), x = L::broadcast(one);
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (std::size_t chain = 0; chain < chains; ++chain) L::add_products(sums[chain], codes, x);
  }
  std::int32_t total = 0;
#pragma GCC unroll 12
  for (std::size_t chain = 0; chain < chains; ++chain) total ^= L::first(sums[chain]);
  *sink = total;
  return 2 * rounds * chains * L::bytes;
}

}  // namespace
}  // namespace quantbench
