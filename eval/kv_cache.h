// A quantized cache of keys and values, as its effect on predictions: every key (after its rotation by position) and value is
// rounded as the cache would store it before attention reads it. The newest token is read from the cache as well.
//
// Kinds of storage:
//   q8_0 q5_1 q5_0 q4_1 q4_0       as llama.cpp stores its cache: the keys of a token, all heads in a row, in blocks of 32
//   int8 int4 int3 int2            scale and zero point for each head of each token
//   int8_channel .. int2_channel   scale and zero point for each channel of 32 consecutive tokens of a window, as KIVI does
//                                  with keys (Liu et al. 2024); its unquantized residue of the latest tokens is left out
//   fp8_e4m3 fp8_e5m2              the nearest number of OFP8 (quantizers/formats/fp8.h), without a scale, as serving engines do
//                                  that were given none; what is larger than the largest becomes that
// Keys can be rotated within each head by a Hadamard matrix before they are rounded: queries rotated alike give the same
// scores, and what one channel has too much of is spread over all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"
#include "quantizers/method.h"

namespace quantbench {

struct KvCacheOptions {
  std::string keys, values;  // kinds of storage; empty: as computed
  bool rotate_keys = false;

  bool any() const { return !keys.empty() || !values.empty(); }
};

/// What the method's options kv_keys, kv_values and kv_rotate ask for. Throws Error when keys are to be rotated and not
/// quantized.
KvCacheOptions kv_cache_options(const Method& method);

/// For ForwardOptions::cache; empty when nothing is quantized. It throws Error when a kind cannot store the model's heads.
CacheHook kv_cache_rounding(const KvCacheOptions& options, int threads);

/// Bits for each number of a cache of this kind, where heads have `head_size` channels.
double kv_cache_bits(std::string_view kind, std::size_t head_size);

/// Multiplies by the Hadamard matrix of that size over its square root: a rotation that is its own inverse. The size is a
/// power of two.
void rotate_by_hadamard(std::span<float> values);

}  // namespace quantbench
