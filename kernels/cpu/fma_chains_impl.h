// Independent chains of fused multiply-adds over a vector type V: what a core can do when nothing has to be fetched.
// Twelve chains hide the latency of the multiply-add on all machines with two units of up to six cycles, and fit into
// 16 registers.
#pragma once

#include "kernels/cpu/isa_kernels.h"

namespace quantbench {
namespace {

template <class V>
std::size_t fma_chains(std::size_t rounds, float* sink) {
  constexpr std::size_t chains = 12;
  typename V::Register sums[chains];
#pragma GCC unroll 12
  for (std::size_t chain = 0; chain < chains; ++chain) sums[chain] = V::broadcast(static_cast<float>(chain));
  const auto factor = V::broadcast(0.5f), term = V::broadcast(1.0f);  // settles at 2: no overflow, nothing subnormal
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (std::size_t chain = 0; chain < chains; ++chain) sums[chain] = V::fma(sums[chain], factor, term);
  }
  for (std::size_t chain = 1; chain < chains; ++chain) sums[0] = V::add(sums[0], sums[chain]);
  float values[V::width];
  V::store(values, sums[0]);
  *sink = values[0];
  return 2 * rounds * chains * V::width;
}

}  // namespace
}  // namespace quantbench
