// What the zero fields of a GPTQ checkpoint mean.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/packed_checkpoints/gptq_layout.h"

namespace quantbench {

/// Of all zero fields of some layers.
struct ZeroFieldCounts {
  std::uint64_t fields = 0;
  std::uint64_t symmetric_v1 = 0;  // 2^(bits-1) - 1
  std::uint64_t symmetric_v2 = 0;  // 2^(bits-1)
  std::uint64_t all_ones = 0;      // v1: 0 less one

  void add(const ZeroFieldCounts& other);
};

ZeroFieldCounts count_zero_fields(const PackedLayer& layer);

/// The version that the fields of symmetric layers are of: 99 % of them are its one. `labelled` when they tell nothing.
GptqVersion version_of_fields(const ZeroFieldCounts& symmetric, GptqVersion labelled);

}  // namespace quantbench
