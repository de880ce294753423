// Sixteen numbers at a time, by the compiler's vector types: one register of AVX-512, two of AVX2, four of the baseline.
//
// Encoders put candidates (or codewords) in the lanes and walk over the weights, so sums need no reduction across lanes
// until the end, and the same operations happen in the same order on every instruction set: the bytes are equal on all.
// For that, nothing here may be fused; the build turns contraction off.
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

/// To the nearest integer, ties to even; |value| < 2^22.
[[gnu::always_inline]] inline Floats16 round16(Floats16 value) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it leaves no bits behind the point
  return (value + shift) - shift;
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
