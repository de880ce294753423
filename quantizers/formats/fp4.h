// FP4 of bitsandbytes: a sign, two bits of exponent and one of mantissa, over the largest number, which is 12.
//
// The magnitudes are 0, 1/16, 2, 3, 4, 6, 8 and 12 twelfths: E2M1 but for the subnormal number, which is 1/16 there and would be 1 in
// the OCP formats (mxfp4, nvfp4: 0, 1, 2, 3, 4, 6, 8, 12 halves). So close to 0, that level is as good as lost.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

/// By code: the sign, then three bits in an order of their own.
QUANTBENCH_DEVICE_TABLE constexpr float fp4_of_code[16] = {
    0.0f,  0.005208333333f,  0.66666667f,  1.0f,  0.33333333f,  0.5f,  0.16666667f,  0.25f,
    -0.0f, -0.005208333333f, -0.66666667f, -1.0f, -0.33333333f, -0.5f, -0.16666667f, -0.25f,
};
constexpr float fp4_numbers[15] = {
    -1.0f,        -0.66666667f,     -0.5f, -0.33333333f,    -0.25f,
    -0.16666667f, -0.005208333333f, 0.0f,  0.005208333333f, 0.16666667f,
    0.25f,        0.33333333f,      0.5f,  0.66666667f,     1.0f,
};
constexpr unsigned fp4_code_of_magnitude[8] = {0, 1, 6, 7, 4, 5, 2, 3};

struct FP4 {
  static constexpr const char* id = "fp4";
  static constexpr int bits = 4;
  static constexpr int level_min = -7, level_max = 7;
  static constexpr const auto& numbers = fp4_numbers;

  static unsigned code_of(int level) {
    return level < 0 ? 8 + fp4_code_of_magnitude[-level] : fp4_code_of_magnitude[level];
  }

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats values(typename L::Levels codes) {
    return L::float_lookup(fp4_of_code, codes);
  }
};

}  // namespace quantbench::formats
