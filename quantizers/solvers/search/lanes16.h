// Sixteen numbers at a time: one register of AVX-512, two of AVX2, four of the baseline.
//
// Encoders put groups (or candidates) in the lanes and walk over the weights, so sums need no reduction across lanes until
// the end, and the same operations happen in the same order on every instruction set: the bytes are equal on all. For that,
// nothing here may be fused; the build turns contraction off.
//
// The parts have the machine's own width: GCC takes comparisons of wider vectors apart into single numbers.
//
// Files that include this are compiled once for each instruction set (x_scalar.cpp, x_avx2.cpp, x_avx512.cpp around an
// x_impl.h): keep everything in them in an anonymous namespace and free of inline functions of the standard library, else
// the linker may keep a copy that older machines cannot run. A test looks for such symbols.
#pragma once

namespace quantbench {
namespace {

#if defined(__AVX512F__)
constexpr int part_width = 16;
#elif defined(__AVX2__)
constexpr int part_width = 8;
#else
constexpr int part_width = 4;
#endif
constexpr int parts_of16 = 16 / part_width;

using FloatPart = float __attribute__((vector_size(4 * part_width)));
using IntPart = int __attribute__((vector_size(4 * part_width)));

struct Floats16 {
  FloatPart part[parts_of16];
  [[gnu::always_inline]] float operator[](int lane) const { return part[lane / part_width][lane % part_width]; }
};
/// Also what comparisons give: -1 where true.
struct Ints16 {
  IntPart part[parts_of16];
  [[gnu::always_inline]] int operator[](int lane) const { return part[lane / part_width][lane % part_width]; }
};

/// Applies a function to each part.
template <class To, class Function>
[[gnu::always_inline]] inline To by_parts(const Function& function) {
  To result;
#pragma GCC unroll 4
  for (int p = 0; p < parts_of16; ++p) result.part[p] = function(p);
  return result;
}

[[gnu::always_inline]] inline Floats16 all16(float value) {
  return by_parts<Floats16>([&](int) __attribute__((always_inline)) { return FloatPart{} + value; });
}
[[gnu::always_inline]] inline Ints16 all16(int value) {
  return by_parts<Ints16>([&](int) __attribute__((always_inline)) { return IntPart{} + value; });
}

[[gnu::always_inline]] inline Floats16 operator+(Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return a.part[p] + b.part[p]; });
}
[[gnu::always_inline]] inline Floats16 operator-(Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return a.part[p] - b.part[p]; });
}
[[gnu::always_inline]] inline Floats16 operator*(Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return a.part[p] * b.part[p]; });
}
[[gnu::always_inline]] inline Floats16 operator/(Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return a.part[p] / b.part[p]; });
}
[[gnu::always_inline]] inline Floats16 operator-(Floats16 a) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return -a.part[p]; });
}
[[gnu::always_inline]] inline Floats16 operator+(Floats16 a, float b) { return a + all16(b); }
[[gnu::always_inline]] inline Floats16 operator+(float a, Floats16 b) { return all16(a) + b; }
[[gnu::always_inline]] inline Floats16 operator-(Floats16 a, float b) { return a - all16(b); }
[[gnu::always_inline]] inline Floats16 operator-(float a, Floats16 b) { return all16(a) - b; }
[[gnu::always_inline]] inline Floats16 operator*(Floats16 a, float b) { return a * all16(b); }
[[gnu::always_inline]] inline Floats16 operator*(float a, Floats16 b) { return all16(a) * b; }
[[gnu::always_inline]] inline Floats16 operator/(Floats16 a, float b) { return a / all16(b); }
[[gnu::always_inline]] inline Floats16 operator/(float a, Floats16 b) { return all16(a) / b; }
[[gnu::always_inline]] inline Floats16& operator+=(Floats16& a, Floats16 b) { return a = a + b; }

[[gnu::always_inline]] inline Ints16 operator<(Floats16 a, Floats16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] < b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator<(Floats16 a, float b) { return a < all16(b); }
[[gnu::always_inline]] inline Ints16 operator>(Floats16 a, Floats16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] > b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator>(Floats16 a, float b) { return a > all16(b); }
[[gnu::always_inline]] inline Ints16 operator>=(Floats16 a, Floats16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] >= b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator>=(Floats16 a, float b) { return a >= all16(b); }
[[gnu::always_inline]] inline Ints16 operator!=(Floats16 a, Floats16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] != b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator!=(Floats16 a, float b) { return a != all16(b); }

[[gnu::always_inline]] inline Ints16 operator+(Ints16 a, Ints16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] + b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator-(Ints16 a, Ints16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] - b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator&(Ints16 a, Ints16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] & b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator|(Ints16 a, Ints16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] | b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator+(Ints16 a, int b) { return a + all16(b); }
[[gnu::always_inline]] inline Ints16 operator-(Ints16 a, int b) { return a - all16(b); }
[[gnu::always_inline]] inline Ints16 operator&(Ints16 a, int b) { return a & all16(b); }
[[gnu::always_inline]] inline Ints16 operator<<(Ints16 a, int bits) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] << bits; });
}
[[gnu::always_inline]] inline Ints16 operator>>(Ints16 a, int bits) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] >> bits; });
}
[[gnu::always_inline]] inline Ints16 operator~(Ints16 a) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return ~a.part[p]; });
}
[[gnu::always_inline]] inline Ints16 operator<(Ints16 a, int b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] < b; });
}
[[gnu::always_inline]] inline Ints16 operator>(Ints16 a, int b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return a.part[p] > b; });
}

/// a where the mask is set.
[[gnu::always_inline]] inline Floats16 select16(Ints16 mask, Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return mask.part[p] ? a.part[p] : b.part[p]; });
}
[[gnu::always_inline]] inline Ints16 select16(Ints16 mask, Ints16 a, Ints16 b) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return mask.part[p] ? a.part[p] : b.part[p]; });
}
[[gnu::always_inline]] inline Floats16 smaller16(Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) {
    return a.part[p] < b.part[p] ? a.part[p] : b.part[p];
  });
}
[[gnu::always_inline]] inline Floats16 larger16(Floats16 a, Floats16 b) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) {
    return a.part[p] > b.part[p] ? a.part[p] : b.part[p];
  });
}
[[gnu::always_inline]] inline bool any16(Ints16 mask) {
  int any = 0;
  for (int lane = 0; lane < 16; ++lane) any |= mask[lane];
  return any != 0;
}

/// The bits of a float as an integer and back.
[[gnu::always_inline]] inline Ints16 bits16(Floats16 v) {
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return reinterpret_cast<IntPart>(v.part[p]); });
}
[[gnu::always_inline]] inline Floats16 from_bits16(Ints16 v) {
  return by_parts<Floats16>([&](int p)
                                __attribute__((always_inline)) { return reinterpret_cast<FloatPart>(v.part[p]); });
}
[[gnu::always_inline]] inline Floats16 to_floats16(Ints16 v) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) {
    return __builtin_convertvector(v.part[p], FloatPart);
  });
}
/// Towards zero.
[[gnu::always_inline]] inline Ints16 to_ints16(Floats16 v) {
  return by_parts<Ints16>([&](int p)
                              __attribute__((always_inline)) { return __builtin_convertvector(v.part[p], IntPart); });
}

/// `p` is aligned to 64 bytes. Part by part: GCC copies the whole through smaller registers.
[[gnu::always_inline]] inline Floats16 load16(const float* p) {
  return by_parts<Floats16>([&](int i)
                                __attribute__((always_inline)) { return reinterpret_cast<const FloatPart*>(p)[i]; });
}
[[gnu::always_inline]] inline void store16(float* p, Floats16 v) {
  for (int i = 0; i < parts_of16; ++i) reinterpret_cast<FloatPart*>(p)[i] = v.part[i];
}

[[gnu::always_inline]] inline Floats16 magnitude16(Floats16 value) { return from_bits16(bits16(value) & 0x7FFFFFFF); }
/// The magnitude with the sign of `sign`.
[[gnu::always_inline]] inline Floats16 with_sign16(Floats16 magnitude, Floats16 sign) {
  return from_bits16((bits16(magnitude) & 0x7FFFFFFF) | (bits16(sign) & static_cast<int>(0x80000000u)));
}

/// To the nearest integer, ties to even; |value| < 2^22. Larger ones are changed little.
[[gnu::always_inline]] inline Floats16 round16(Floats16 value) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it leaves no bits behind the point
  return (value + shift) - shift;
}

/// a / b; 0 where b is not positive.
[[gnu::always_inline]] inline Floats16 divide_or_zero16(Floats16 a, Floats16 b) {
  const Ints16 positive = b > 0.0f;
  return select16(positive, a / select16(positive, b, all16(1.0f)), all16(0.0f));
}
/// 1 / value; 0 where that could overflow.
[[gnu::always_inline]] inline Floats16 inverse_or_zero16(Floats16 value) {
  const Ints16 usable = magnitude16(value) > 1e-37f;
  return select16(usable, 1.0f / select16(usable, value, all16(1.0f)), all16(0.0f));
}
[[gnu::always_inline]] inline Floats16 square_root16(Floats16 v) {
  Floats16 root{};
  for (int lane = 0; lane < 16; ++lane) root.part[lane / part_width][lane % part_width] = __builtin_sqrtf(v[lane]);
  return root;
}

/// The nearest number of binary16, ties to even; saturates instead of overflowing.
[[gnu::always_inline]] inline Floats16 round_half16(Floats16 value) {
  const Floats16 magnitude = magnitude16(value);
  const Ints16 bits = bits16(magnitude);
  const Floats16 normal = from_bits16((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF);
  const Floats16 subnormal = (magnitude + 0.5f) - 0.5f;  // keeps multiples of 2^-24
  const Floats16 rounded = select16(magnitude < 0x1p-14f, subnormal, normal);
  return with_sign16(smaller16(rounded, all16(65504.0f)), value);
}

/// The distance of binary16 numbers around the value.
[[gnu::always_inline]] inline Floats16 half_step16(Floats16 value) {
  return larger16(from_bits16(bits16(value) & 0x7F800000) * 0x1p-10f, all16(0x1p-24f));
}

[[gnu::always_inline]] inline Ints16 lane_numbers16() {
  constexpr IntPart first = {
#if defined(__AVX512F__)
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15
#elif defined(__AVX2__)
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7
#else
    0,
    1,
    2,
    3
#endif
  };
  return by_parts<Ints16>([&](int p) __attribute__((always_inline)) { return first + p * part_width; });
}

/// Lane i gets lane i ^ distance of one part.
template <int distance>
[[gnu::always_inline]] inline FloatPart exchange_part(FloatPart v) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(v, v, 0 ^ distance, 1 ^ distance, 2 ^ distance, 3 ^ distance, 4 ^ distance,
                                 5 ^ distance, 6 ^ distance, 7 ^ distance, 8 ^ distance, 9 ^ distance, 10 ^ distance,
                                 11 ^ distance, 12 ^ distance, 13 ^ distance, 14 ^ distance, 15 ^ distance);
#elif defined(__AVX2__)
  return __builtin_shufflevector(v, v, 0 ^ distance, 1 ^ distance, 2 ^ distance, 3 ^ distance, 4 ^ distance,
                                 5 ^ distance, 6 ^ distance, 7 ^ distance);
#else
  return __builtin_shufflevector(v, v, 0 ^ distance, 1 ^ distance, 2 ^ distance, 3 ^ distance);
#endif
}

/// Each lane gets the number of the lane whose index differs in the bit `distance`.
template <int distance>
[[gnu::always_inline]] inline Floats16 exchange16(Floats16 v) {
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) {
    if constexpr (distance < part_width)
      return exchange_part<distance>(v.part[p]);
    else
      return v.part[p ^ (distance / part_width)];
  });
}

/// Over `lanes` = 8 or 16 neighbouring lanes, in each of them.
template <int lanes>
[[gnu::always_inline]] inline Floats16 sum_over16(Floats16 v) {
  v += exchange16<1>(v);
  v += exchange16<2>(v);
  v += exchange16<4>(v);
  if constexpr (lanes == 16) v += exchange16<8>(v);
  return v;
}
template <int lanes>
[[gnu::always_inline]] inline Floats16 largest_of16(Floats16 v) {
  v = larger16(v, exchange16<1>(v));
  v = larger16(v, exchange16<2>(v));
  v = larger16(v, exchange16<4>(v));
  if constexpr (lanes == 16) v = larger16(v, exchange16<8>(v));
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
