// Sixteen numbers at a time, by the compiler's vector types: one register of AVX-512, two of AVX2, four of the baseline.
//
// Encoders put groups (or candidates, or codewords) in the lanes and walk over the weights, so sums need no reduction
// across lanes until the end, and the same operations happen in the same order on every instruction set: the bytes are
// equal on all. For that, nothing here may be fused; the build turns contraction off.
//
// Files that include this are compiled once for each instruction set (x_scalar.cpp, x_avx2.cpp, x_avx512.cpp around an
// x_impl.h): keep everything in them in an anonymous namespace and free of inline functions of the standard library, else
// the linker may keep a copy that older machines cannot run. A test looks for such symbols.
#pragma once

namespace quantbench {
namespace {

using Floats16 = float __attribute__((vector_size(64)));
using Ints16 = int __attribute__((vector_size(64)));

[[gnu::always_inline]] inline Floats16 all16(float value) { return Floats16{} + value; }

[[gnu::always_inline]] inline Floats16 smaller16(Floats16 a, Floats16 b) { return a < b ? a : b; }
[[gnu::always_inline]] inline Floats16 larger16(Floats16 a, Floats16 b) { return a > b ? a : b; }
/// a where the mask is set.
[[gnu::always_inline]] inline Floats16 select16(Ints16 mask, Floats16 a, Floats16 b) { return mask ? a : b; }
[[gnu::always_inline]] inline Floats16 magnitude16(Floats16 value) {
  return reinterpret_cast<Floats16>(reinterpret_cast<Ints16>(value) & 0x7FFFFFFF);
}
/// The magnitude with the sign of `sign`.
[[gnu::always_inline]] inline Floats16 with_sign16(Floats16 magnitude, Floats16 sign) {
  return reinterpret_cast<Floats16>((reinterpret_cast<Ints16>(magnitude) & 0x7FFFFFFF) |
                                    (reinterpret_cast<Ints16>(sign) & static_cast<int>(0x80000000u)));
}

/// To the nearest integer, ties to even; |value| < 2^22. Larger ones are changed little.
[[gnu::always_inline]] inline Floats16 round16(Floats16 value) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it leaves no bits behind the point
  return (value + shift) - shift;
}

/// a / b; 0 where b is not positive.
[[gnu::always_inline]] inline Floats16 divide_or_zero16(Floats16 a, Floats16 b) {
  return b > 0.0f ? a / select16(b > 0.0f, b, all16(1)) : all16(0);
}

/// The nearest number of binary16, ties to even; saturates instead of overflowing.
[[gnu::always_inline]] inline Floats16 round_half16(Floats16 value) {
  const Floats16 magnitude = magnitude16(value);
  const Ints16 bits = reinterpret_cast<Ints16>(magnitude);
  const Floats16 normal = reinterpret_cast<Floats16>((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF);
  const Floats16 subnormal = (magnitude + 0.5f) - 0.5f;  // keeps multiples of 2^-24
  const Floats16 rounded = select16(magnitude < 0x1p-14f, subnormal, normal);
  return with_sign16(smaller16(rounded, all16(65504.0f)), value);
}

/// The distance of binary16 numbers around the value.
[[gnu::always_inline]] inline Floats16 half_step16(Floats16 value) {
  const Floats16 power = reinterpret_cast<Floats16>(reinterpret_cast<Ints16>(value) & 0x7F800000);
  return larger16(power * 0x1p-10f, all16(0x1p-24f));
}

/// The sum over `lanes` = 8 or 16 neighbouring lanes, in each of them.
template <int lanes>
[[gnu::always_inline]] inline Floats16 sum_over16(Floats16 v) {
  v += __builtin_shuffle(v, Ints16{1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14});
  v += __builtin_shuffle(v, Ints16{2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13});
  v += __builtin_shuffle(v, Ints16{4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11});
  if constexpr (lanes == 16) v += __builtin_shuffle(v, Ints16{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7});
  return v;
}
template <int lanes>
[[gnu::always_inline]] inline Floats16 largest_of16(Floats16 v) {
  v = larger16(v, __builtin_shuffle(v, Ints16{1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14}));
  v = larger16(v, __builtin_shuffle(v, Ints16{2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}));
  v = larger16(v, __builtin_shuffle(v, Ints16{4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11}));
  if constexpr (lanes == 16)
    v = larger16(v, __builtin_shuffle(v, Ints16{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}));
  return v;
}

/// The lane of the smallest value; of equal ones the first. NaN never wins unless in lane 0.
[[gnu::always_inline]] inline int smallest_lane(Floats16 values) {
  int best = 0;
  for (int lane = 1; lane < 16; ++lane)
    if (values[lane] < values[best]) best = lane;
  return best;
}

}  // namespace
}  // namespace quantbench
