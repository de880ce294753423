// Products of repacked weights (repacked_layout.h) with activations of eight bits, for each format description and instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/int8_activations.h"
#include "kernels/cpu/repacked_layout.h"

namespace quantbench {

/// Activations in whole units, filled up with zeros, from one of their rows on. `groups` of a unit are those of the weights.
struct RepackedVectors {
  const std::int8_t* values = nullptr;   // (rows, units * 256)
  const float* scales = nullptr;         // (rows, units * 8)
  const float* sums = nullptr;           // (rows, units * groups): scale * sum of the group's integers
  const std::int32_t* starts = nullptr;  // (rows, units * groups): base * sum of them
  const std::int32_t* octets = nullptr;  // (rows, units * 32): twice the sum of the octet's integers
  std::size_t units = 0;
};

/// Where the products of some bands with some vectors go: (vectors, bands * 16), row stride `stride`.
struct BandOutputs {
  float* first = nullptr;
  std::size_t stride = 0, bands = 0;
};

struct RepackedKernels {
  std::size_t unit_bytes = 0;  // 0 when the format is not repacked, and no functions here
  int group = 0;               // weights with one scale: 16 or 32
  int base = 0;                // of levels (repacked_layout.h)
  bool octet_shifts = false;   // whether RepackedVectors::octets is read; else it may be anything
  /// The products of `out.bands` bands from `band` on with one vector; with four. Against exact sums over the rounded activations x,
  ///     |error| <= 2^-24 (units + 24) sum (|scale| code + |offset|) |x|
  /// with codes as in int8_kernels.h.
  void (*dot)(const std::byte* band, const RepackedVectors& x, const BandOutputs& out) = nullptr;
  void (*dot4)(const std::byte* band, const RepackedVectors& x, const BandOutputs& out) = nullptr;
};

/// Tables indexed by Format::layout.
const RepackedKernels* repacked_kernels_scalar();
const RepackedKernels* repacked_kernels_avx512();

}  // namespace quantbench
