// F16: IEEE binary16, rounded to nearest even; |x| >= 65520 becomes infinity.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

struct F16 : FloatingPoint<F16> {
  static constexpr const char* id = "f16";
  static constexpr std::uint32_t gguf_type = 1;
  static constexpr int stored_bytes = 2;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats load(const std::byte* p) {
    return L::f16(p);
  }
  static void store(std::byte* p, float weight) { store_u16(p, f32_to_f16(weight)); }
};

}  // namespace quantbench::formats
