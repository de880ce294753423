// IQ4_NL: 32 weights in 18 bytes, 4.5 bits per weight. weight = d * value(code)
//   0  f16       d
//   2  16 bytes  nibbles: codes 0..15 into iq4_values
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/codebook16.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct IQ4_NL : FixedBlocks<IQ4_NL> {
  static constexpr const char* id = "iq4_nl";
  static constexpr std::uint32_t gguf_type = 20;
  static constexpr int block = 32, group = 32, block_bytes = 18;
  static constexpr int level_min = -127, level_max = 113;
  static constexpr const auto& level_values = iq4_values;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::lookup(iq4_values, L::nibbles(b + 2, i));
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    HalfScale::store(b, affine->scale);
    store_nibbles(b + 2, [&](int i) { return iq4_code(level[i]); });
  }
};

}  // namespace quantbench::formats
