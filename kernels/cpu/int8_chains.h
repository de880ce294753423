// What a core can do when nothing has to be fetched: independent chains of products of bytes, four added to each 32-bit sum.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"

namespace quantbench {

/// Runs `rounds` steps of the chains in registers and returns how many operations that was (a multiply-add is two). `sink`
/// receives the result, so that the work cannot be optimised away.
using Int8Chains = std::size_t (*)(std::size_t rounds, std::int32_t* sink);

/// With the instructions that the products in integers use. Throws Error when this machine cannot run `isa`.
Int8Chains int8_chains(Isa isa);

std::size_t int8_chains_scalar(std::size_t rounds, std::int32_t* sink);
std::size_t int8_chains_avx2(std::size_t rounds, std::int32_t* sink);
std::size_t int8_chains_avx512(std::size_t rounds, std::int32_t* sink);
std::size_t int8_chains_neon(std::size_t rounds, std::int32_t* sink);

}  // namespace quantbench
