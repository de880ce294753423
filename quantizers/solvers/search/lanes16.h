// Sixteen numbers at a time: one register of AVX-512, two of AVX2, four of the baseline.
//
// Encoders put groups (or candidates) in the lanes and walk over the weights, so sums need no reduction across lanes until
// the end, and the same operations happen in the same order on every instruction set: the bytes are equal on all. For that,
// multiplications and additions are fused only where fused16 says so; the build turns contraction off.
//
// The parts have the machine's own width: GCC takes comparisons of wider vectors apart into single numbers.
//
// Files that include this are compiled once for each instruction set (x_scalar.cpp, x_avx2.cpp, x_avx512.cpp around an
// x_impl.h): keep everything in them in an anonymous namespace and free of inline functions of the standard library, else
// the linker may keep a copy that older machines cannot run. A test looks for such symbols.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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
#if defined(__AVX512F__)
[[gnu::always_inline]] inline FloatPart fused_part(FloatPart a, FloatPart b, FloatPart c) {
  return _mm512_fmadd_ps(a, b, c);
}
[[gnu::always_inline]] inline FloatPart root_part(FloatPart v) { return _mm512_sqrt_ps(v); }
[[gnu::always_inline]] inline bool any_in_part(IntPart mask) {
  const auto whole = reinterpret_cast<__m512i>(mask);
  return _mm512_test_epi32_mask(whole, whole) != 0;
}
#elif defined(__AVX2__)
[[gnu::always_inline]] inline FloatPart fused_part(FloatPart a, FloatPart b, FloatPart c) {
  return _mm256_fmadd_ps(a, b, c);
}
[[gnu::always_inline]] inline FloatPart root_part(FloatPart v) { return _mm256_sqrt_ps(v); }
[[gnu::always_inline]] inline bool any_in_part(IntPart mask) {
  return _mm256_movemask_ps(reinterpret_cast<__m256>(mask)) != 0;
}
#elif defined(__x86_64__)
using Doubles4 = double __attribute__((vector_size(32)));
using Longs4 = long long __attribute__((vector_size(32)));

/// Without the instruction: the product is exact in binary64. The sum is rounded to odd there, so that rounding it to binary32
/// is the only rounding that shows (Boldo and Melquiond 2008, Emulation of a FMA and correctly rounded sums).
[[gnu::always_inline]] inline FloatPart fused_part(FloatPart a, FloatPart b, FloatPart c) {
  const Doubles4 product = __builtin_convertvector(a, Doubles4) * __builtin_convertvector(b, Doubles4);
  const Doubles4 term = __builtin_convertvector(c, Doubles4);
  const Doubles4 sum = product + term;
  const Doubles4 share = sum - product;
  const Doubles4 rest = (product - (sum - share)) + (term - share);
  const Longs4 bits = reinterpret_cast<Longs4>(sum);
  const Longs4 is_even = (bits & 1) - 1;
  const Longs4 towards_rest = 1 - 2 * (((bits ^ reinterpret_cast<Longs4>(rest)) >> 63) & 1);
  const Longs4 odd = bits + ((rest != 0.0) & is_even & towards_rest);
  return __builtin_convertvector(reinterpret_cast<Doubles4>(odd), FloatPart);
}
[[gnu::always_inline]] inline FloatPart root_part(FloatPart v) { return _mm_sqrt_ps(v); }
[[gnu::always_inline]] inline bool any_in_part(IntPart mask) {
  return _mm_movemask_ps(reinterpret_cast<__m128>(mask)) != 0;
}
#else
[[gnu::always_inline]] inline FloatPart fused_part(FloatPart a, FloatPart b, FloatPart c) {
  FloatPart result;
  for (int i = 0; i < part_width; ++i) result[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return result;
}
[[gnu::always_inline]] inline FloatPart root_part(FloatPart v) {
  FloatPart result;
  for (int i = 0; i < part_width; ++i) result[i] = __builtin_sqrtf(v[i]);
  return result;
}
[[gnu::always_inline]] inline bool any_in_part(IntPart mask) {
  int any = 0;
  for (int i = 0; i < part_width; ++i) any |= mask[i];
  return any != 0;
}
#endif

/// a * b + c, rounded once.
[[gnu::always_inline]] inline Floats16 fused16(Floats16 a, Floats16 b, Floats16 c) {
  return by_parts<Floats16>([&](int p)
                                __attribute__((always_inline)) { return fused_part(a.part[p], b.part[p], c.part[p]); });
}

/// True when a comparison holds in any lane.
[[gnu::always_inline]] inline bool any16(Ints16 mask) {
  bool any = false;
  for (int p = 0; p < parts_of16; ++p) any |= any_in_part(mask.part[p]);
  return any;
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
/// The same from any address.
[[gnu::always_inline]] inline Floats16 load_anywhere16(const float* p) {
  Floats16 result;
  __builtin_memcpy(&result, p, sizeof result);
  return result;
}
[[gnu::always_inline]] inline void store16(float* p, Floats16 v) {
  for (int i = 0; i < parts_of16; ++i) reinterpret_cast<FloatPart*>(p)[i] = v.part[i];
}

[[gnu::always_inline]] inline Floats16 magnitude16(Floats16 value) { return from_bits16(bits16(value) & 0x7FFFFFFF); }
/// The magnitude with the sign of `sign`.
[[gnu::always_inline]] inline Floats16 with_sign16(Floats16 magnitude, Floats16 sign) {
  return from_bits16((bits16(magnitude) & 0x7FFFFFFF) | (bits16(sign) & static_cast<int>(0x80000000u)));
}

/// 1.5 * 2^23: adding it leaves no bits behind the point.
constexpr float rounding_shift = 12582912.0f;

/// To the nearest integer, ties to even; |value| < 2^22. Larger ones are changed little.
[[gnu::always_inline]] inline Floats16 round16(Floats16 value) { return (value + rounding_shift) - rounding_shift; }

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
  return by_parts<Floats16>([&](int p) __attribute__((always_inline)) { return root_part(v.part[p]); });
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

/// Number j of lane i becomes number i of lane j.
struct Tile16 {
  Floats16 row[16];

  [[gnu::always_inline]] void transpose() {
    exchange_rows<1>();
    exchange_rows<2>();
    exchange_rows<4>();
    exchange_rows<8>();
  }

 private:
  /// Swaps the off-diagonal squares of `distance` rows and lanes.
  template <int distance>
  [[gnu::always_inline]] void exchange_rows() {
    const Ints16 upper = (lane_numbers16() & distance) > 0;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      if ((i & distance) != 0) continue;
      const Floats16 a = row[i], b = row[i + distance];
      row[i] = select16(upper, exchange16<distance>(b), a);
      row[i + distance] = select16(upper, b, exchange16<distance>(a));
    }
  }
};

/// The lane of the smallest value; of equal ones the first. NaN never wins unless in lane 0.
[[gnu::always_inline]] inline int smallest_lane(Floats16 values) {
  int best = 0;
  for (int lane = 1; lane < 16; ++lane)
    if (values[lane] < values[best]) best = lane;
  return best;
}

}  // namespace
}  // namespace quantbench
