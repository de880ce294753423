// The sets of levels as roundings of sixteen numbers, the types of stored scales, and where the numbers come from.
#pragma once

#include "quantizers/formats/codebook16.h"
#include "quantizers/solvers/search/group_kernels.h"
#include "quantizers/solvers/search/lanes16.h"

namespace quantbench::search {
namespace {

/// All integers from level_min to level_max. Rounding and clamping are done above `rounding_shift`, where both are cheap.
struct UniformRounding {
  Floats16 level_min, level_max;
  bool negative_scales;  // worth trying: the levels, the same in all lanes, are not symmetric
  Floats16 shifted_min = level_min + rounding_shift, shifted_max = level_max + rounding_shift;

  /// The level nearest to x * inverse.
  [[gnu::always_inline]] Floats16 nearest(Floats16 x, Floats16 inverse) const {
    const Floats16 shifted = fused16(x, inverse, all16(rounding_shift));
    return smaller16(larger16(shifted, shifted_min), shifted_max) - rounding_shift;
  }
};

/// -1 and 1.
struct SignRounding {
  Floats16 level_min = all16(-1.0f), level_max = all16(1.0f);
  static constexpr bool negative_scales = false;

  [[gnu::always_inline]] Floats16 nearest(Floats16 x, Floats16 inverse) const {
    return select16(x * inverse >= 0.0f, all16(1.0f), all16(-1.0f));
  }
};

/// The codebook of IQ4_NL, by its steps: the sum of those that lie below.
struct Iq4Rounding {
  Floats16 level_min = all16(-127.0f), level_max = all16(113.0f);
  static constexpr bool negative_scales = true;

  [[gnu::always_inline]] Floats16 nearest(Floats16 x, Floats16 inverse) const {
    const Floats16 t = x * inverse;
    Floats16 q = all16(static_cast<float>(formats::iq4_values[0]));
#pragma GCC unroll 15
    for (int k = 0; k < 15; ++k) {
      const float low = static_cast<float>(formats::iq4_values[k]),
                  high = static_cast<float>(formats::iq4_values[k + 1]);
      q = select16(t > (low + high) / 2, all16(high), q);
    }
    return q;
  }
};

/// E2M1 doubled, by magnitude.
struct E2m1Rounding {
  Floats16 level_min = all16(-12.0f), level_max = all16(12.0f);
  static constexpr bool negative_scales = false;

  [[gnu::always_inline]] Floats16 nearest(Floats16 x, Floats16 inverse) const {
    const Floats16 t = x * inverse;
    const Floats16 magnitude = magnitude16(t);
    Floats16 q = all16(0.0f);
#pragma GCC unroll 7
    for (int k = 0; k < 7; ++k) {
      const float low = static_cast<float>(formats::e2m1_doubled[k]),
                  high = static_cast<float>(formats::e2m1_doubled[k + 1]);
      q = select16(magnitude > (low + high) / 2, all16(high), q);
    }
    return with_sign16(q, t);
  }
};

/// Sixteen numbers, by their steps: the last of those that lie below.
struct TableRounding {
  Floats16 level_min, level_max;
  const float* numbers;
  static constexpr bool negative_scales = false, finds_levels = false;
  /// Of the largest number: a scale at which the largest weight meets the second largest number is worth trying.
  static constexpr float share_above_the_others = 0.4f;

  [[gnu::always_inline]] Floats16 nearest(Floats16 x, Floats16 inverse) const {
    const Floats16 t = x * inverse;
    Floats16 q = all16(numbers[0]);
#pragma GCC unroll 15
    for (int k = 0; k < 15; ++k) q = select16(t > (numbers[k] + numbers[k + 1]) / 2, all16(numbers[k + 1]), q);
    return q;
  }
};

/// Floating point numbers with so many bits of mantissa, saturating.
template <int mantissa_bits>
struct MinifloatRounding {
  Floats16 level_min, level_max;
  float smallest_normal;
  static constexpr bool negative_scales = false, finds_levels = false;

  /// Adding 1.5 * 2^23 steps of the number's binade rounds to whole steps, halves to even.
  [[gnu::always_inline]] Floats16 nearest(Floats16 x, Floats16 inverse) const {
    const Floats16 t = x * inverse;
    const Floats16 magnitude = smaller16(magnitude16(t), level_max);
    const Floats16 binade = larger16(from_bits16(bits16(magnitude) & 0x7F800000), all16(smallest_normal));
    const Floats16 shift = binade * (rounding_shift / (1 << mantissa_bits));
    return with_sign16((magnitude + shift) - shift, t);
  }
};

/// Scales in binary16 of the real scale, which is the lane's unit times the scale here.
struct HalfStorage {
  Floats16 unit, inverse_unit;

  [[gnu::always_inline]] Floats16 round(Floats16 scale) const { return round_half16(scale * unit) * inverse_unit; }
  [[gnu::always_inline]] Floats16 neighbour(Floats16 scale, int k) const {
    const Floats16 real = scale * unit;
    return round_half16(real + static_cast<float>(k) * half_step16(real)) * inverse_unit;
  }
};

/// In binary32 nothing is to round; neighbours are far enough apart to matter.
struct FullStorage {
  Floats16 unit, inverse_unit;

  [[gnu::always_inline]] Floats16 round(Floats16 scale) const { return scale; }
  [[gnu::always_inline]] Floats16 neighbour(Floats16 scale, int k) const {
    return scale + scale * (static_cast<float>(k) * 0x1p-11f);
  }
};

/// Sixteen groups next to each other.
class Transposed {
 public:
  [[gnu::always_inline]] explicit Transposed(const LaneGroups& groups)
      : x_(groups.x), importance_(groups.importance), weighted_(groups.weighted), weights_(groups.weights) {}
  [[gnu::always_inline]] int weights() const { return weights_; }
  [[gnu::always_inline]] Floats16 weight(int j) const { return load16(x_ + j * lanes); }
  [[gnu::always_inline]] Floats16 importance(int j) const { return load16(importance_ + j * lanes); }
  /// importance * weight
  [[gnu::always_inline]] Floats16 weighted(int j) const { return load16(weighted_ + j * lanes); }
  [[gnu::always_inline]] int rounds(int candidates) const { return candidates; }
  [[gnu::always_inline]] Floats16 lane_fraction() const { return all16(0.5f); }

 private:
  const float* x_;
  const float* importance_;
  const float* weighted_;
  int weights_;
};

/// One group in all lanes, which try sixteen candidates at a time.
class OneGroup {
 public:
  [[gnu::always_inline]] explicit OneGroup(const LaneGroups& groups)
      : x_(groups.x), importance_(groups.importance), weighted_(groups.weighted), weights_(groups.weights) {}
  [[gnu::always_inline]] int weights() const { return weights_; }
  [[gnu::always_inline]] Floats16 weight(int j) const { return all16(x_[j]); }
  [[gnu::always_inline]] Floats16 importance(int j) const { return all16(importance_[j]); }
  [[gnu::always_inline]] Floats16 weighted(int j) const { return all16(weighted_[j]); }
  [[gnu::always_inline]] int rounds(int candidates) const { return (candidates + lanes - 1) / lanes; }
  [[gnu::always_inline]] Floats16 lane_fraction() const { return to_floats16(lane_numbers16()) / 16.0f; }

 private:
  const float* x_;
  const float* importance_;
  const float* weighted_;
  int weights_;
};

template <class Storage>
[[gnu::always_inline]] inline Storage storage_of(const LaneGroups& groups) {
  const Floats16 unit = load16(groups.unit);
  return {unit, 1.0f / unit};
}

using Bytes16 = signed char __attribute__((vector_size(16)));
using Ints16Whole = int __attribute__((vector_size(64)));

/// Writes the levels of all lanes; `level(j)` gives those of weight j.
template <class Level>
[[gnu::always_inline]] inline void write_levels(int weights, std::int8_t* out, const Level& level) {
  int first = 0;
  for (; first + 16 <= weights; first += 16) {
    Tile16 tile;
    for (int j = 0; j < 16; ++j) tile.row[j] = level(first + j);
    tile.transpose();
    for (int lane = 0; lane < lanes; ++lane) {
      const Ints16 levels = to_ints16(tile.row[lane]);
      const Bytes16 bytes = __builtin_convertvector(reinterpret_cast<const Ints16Whole&>(levels), Bytes16);
      __builtin_memcpy(out + lane * weights + first, &bytes, sizeof bytes);
    }
  }
  for (; first < weights; ++first) {
    const Ints16 q = to_ints16(level(first));
    for (int lane = 0; lane < lanes; ++lane) out[lane * weights + first] = static_cast<std::int8_t>(q[lane]);
  }
}

}  // namespace
}  // namespace quantbench::search
