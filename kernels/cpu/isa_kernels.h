// The functions that exist once per instruction set, and the one place that chooses among them.
#pragma once

#include <cstddef>

#include "core/isa.h"
#include "kernels/cpu/format_kernels.h"

namespace quantbench {

/// Runs `rounds` steps of independent chains of fused multiply-adds in registers and returns how many floating point
/// operations that was (a multiply-add is two). `sink` receives the result, so that the work cannot be optimised away.
using FmaChains = std::size_t (*)(std::size_t rounds, float* sink);

std::size_t fma_chains_scalar(std::size_t rounds, float* sink);
std::size_t fma_chains_avx2(std::size_t rounds, float* sink);
std::size_t fma_chains_avx512(std::size_t rounds, float* sink);
std::size_t fma_chains_neon(std::size_t rounds, float* sink);

struct IsaKernels {
  const FormatKernels* formats = nullptr;  // indexed by Format::layout
  FmaChains fma_chains = nullptr;
};

/// Throws Error when this machine cannot run `isa`.
const IsaKernels& isa_kernels(Isa isa);

/// Whether the format is decoded by the units of products in integers (unit_decode_avx512.h).
bool decodes_by_units(const Format& format, Isa isa);

}  // namespace quantbench
