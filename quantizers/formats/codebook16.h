// The codebooks of sixteen values that four-bit formats look their levels up in.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/host_device.h"

namespace quantbench::formats {

/// IQ4_NL and IQ4_XS, ascending: denser around zero, as weights are.
QUANTBENCH_DEVICE_TABLE alignas(16) constexpr std::int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                                            1,    13,   25,  38,  53,  69,  89,  113};

/// E2M1, the four-bit floating point number of MXFP4 and NVFP4, times two. Code 8, "-0", decodes to +0.
QUANTBENCH_DEVICE_TABLE alignas(16) constexpr std::int8_t e2m1_doubled[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                                                              0, -1, -2, -3, -4, -6, -8, -12};
constexpr std::int8_t e2m1_doubled_ascending[15] = {-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};

/// The code whose value times `scale` is nearest to `weight`; the lowest of equally near ones.
inline int nearest_e2m1(float weight, float scale) {
  int best = 0;
  for (int code = 1; code < 16; ++code)
    if (std::fabs(static_cast<float>(e2m1_doubled[code]) * scale - weight) <
        std::fabs(static_cast<float>(e2m1_doubled[best]) * scale - weight))
      best = code;
  return best;
}

/// The first code of each level that a table holds; code 0 for others.
class CodeOfLevel {
 public:
  template <std::size_t size>
  explicit constexpr CodeOfLevel(const std::int8_t (&values)[size]) {
    for (std::size_t code = size; code-- > 0;) codes_[values[code] + 128] = static_cast<std::uint8_t>(code);
  }
  constexpr int operator()(int level) const { return codes_[level + 128]; }

 private:
  std::uint8_t codes_[256] = {};
};

constexpr CodeOfLevel iq4_code(iq4_values);
constexpr CodeOfLevel e2m1_code(e2m1_doubled);

}  // namespace quantbench::formats
