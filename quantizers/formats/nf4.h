// NF4, four-bit NormalFloat: sixteen quantiles of the normal distribution, scaled to -1 .. 1, with 0 among them.
//
// T. Dettmers, A. Pagnoni, A. Holtzman, L. Zettlemoyer: QLoRA, NeurIPS 2023, arXiv 2305.14314, appendix E. There and in
// bitsandbytes, the scale is the largest magnitude of 64 weights. The numbers are those of bitsandbytes: quantiles at probabilities
// evenly spaced from 1/2 to 929/960, eight above the median and seven below, over the largest of them.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

QUANTBENCH_DEVICE_TABLE constexpr float nf4_numbers[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

struct NF4 {
  static constexpr const char* id = "nf4";
  static constexpr int bits = 4;
  static constexpr int level_min = -7, level_max = 8;
  static constexpr const auto& numbers = nf4_numbers;

  /// As published: 0..15 from the smallest number up.
  static unsigned code_of(int level) { return static_cast<unsigned>(level - level_min); }

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats values(typename L::Levels codes) {
    return L::float_lookup(nf4_numbers, codes);
  }
};

}  // namespace quantbench::formats
