// The codebooks themselves, from their keys: for codebooks.cpp, and for CUDA sources, each of which has its own copy on the device.
#pragma once

#include "core/host_device.h"
#include "quantizers/formats/codebook_keys.h"
#include "quantizers/formats/codebooks.h"

namespace quantbench::formats {

constexpr std::int8_t iq1_levels[] = {-8, 0, 8};
constexpr std::int8_t iq2_levels[] = {8, 25, 43};
constexpr std::int8_t iq3_xxs_levels[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::int8_t iq3_s_levels[] = {1, 3, 5, 7, 9, 11, 13, 15};

template <int weights, int codewords>
constexpr Codebook<weights, codewords> expand(const std::uint16_t (&keys)[codewords], const std::int8_t* levels) {
  constexpr int bits = 16 / weights;
  Codebook<weights, codewords> codebook{};
  for (int i = 0; i < codewords * weights; ++i)
    codebook.values[i] = levels[(keys[i / weights] >> (i % weights * bits)) & ((1 << bits) - 1)];
  return codebook;
}

QUANTBENCH_DEVICE_TABLE constexpr Codebook<8, 2048> iq1_codebook = expand<8>(iq1_keys, iq1_levels);
QUANTBENCH_DEVICE_TABLE constexpr Codebook<8, 256> iq2_xxs_codebook = expand<8>(iq2_xxs_keys, iq2_levels);
QUANTBENCH_DEVICE_TABLE constexpr Codebook<8, 512> iq2_xs_codebook = expand<8>(iq2_xs_keys, iq2_levels);
QUANTBENCH_DEVICE_TABLE constexpr Codebook<8, 1024> iq2_s_codebook = expand<8>(iq2_s_keys, iq2_levels);
QUANTBENCH_DEVICE_TABLE constexpr Codebook<4, 256> iq3_xxs_codebook = expand<4>(iq3_xxs_keys, iq3_xxs_levels);
QUANTBENCH_DEVICE_TABLE constexpr Codebook<4, 512> iq3_s_codebook = expand<4>(iq3_s_keys, iq3_s_levels);
QUANTBENCH_DEVICE_TABLE constexpr Codebook<8, 2> iq1_shifts = {
    {1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1}};

}  // namespace quantbench::formats
