// BF16: the upper half of a binary32, rounded to nearest even.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

struct BF16 : FloatingPoint<BF16> {
  static constexpr const char* id = "bf16";
  static constexpr std::uint32_t gguf_type = 30;
  static constexpr int stored_bytes = 2;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats load(const std::byte* p) {
    return L::bf16(p);
  }
  static void store(std::byte* p, float weight) { store_u16(p, f32_to_bf16(weight)); }
};

}  // namespace quantbench::formats
