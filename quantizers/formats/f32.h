// F32: IEEE binary32.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

struct F32 : FloatingPoint<F32> {
  static constexpr const char* id = "f32";
  static constexpr std::uint32_t gguf_type = 0;
  static constexpr int stored_bytes = 4;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats load(const std::byte* p) {
    return L::f32(p);
  }
  static void store(std::byte* p, float weight) { store_u32(p, __builtin_bit_cast(std::uint32_t, weight)); }
};

}  // namespace quantbench::formats
