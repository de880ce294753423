// Loops over f32 or f64 rows compiled once per instruction set, in the compiler's vector types.
//
// A loop body is a generic lambda that takes the vector width; `with_simd` instantiates it inside functions of each
// instruction set and calls the one asked for. Bodies use + - * / only (no fused multiply-add: contraction is off) and
// keep `simd_lanes` running values whatever the width, so every instruction set gives the same bits. Auto-vectorisation
// was tried first and gave up on the comparisons; intrinsics would write each loop three times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/isa.h"

namespace quantbench {

/// Running values of a reduction over a row: element i goes to lane i % simd_lanes.
inline constexpr std::size_t simd_lanes = 16;

template <class T, std::size_t Width>
struct SimdTypes {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef T Vector __attribute__((vector_size(Width * sizeof(T))));
  typedef Integer IntegerVector __attribute__((vector_size(Width * sizeof(T))));
};

template <class T, std::size_t Width>
using Simd = typename SimdTypes<T, Width>::Vector;

template <class T, std::size_t Width>
[[gnu::always_inline]] inline void load(const T* from, Simd<T, Width>& to) {
  std::memcpy(&to, from, sizeof to);
}

template <class T, std::size_t Width>
[[gnu::always_inline]] inline void store(const Simd<T, Width>& from, T* to) {
  std::memcpy(to, &from, sizeof from);
}

/// The lanes' sum, added pairwise: lane l with lane l + 8, then l + 4, 2, 1.
template <class T>
[[gnu::always_inline]] inline T sum_of_lanes(const void* accumulators) {
  T lanes[simd_lanes];
  std::memcpy(lanes, accumulators, sizeof lanes);
  for (std::size_t half = simd_lanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

/// f32 elements per register; f64 loops use half of it.
template <std::size_t Width>
using SimdWidth = std::integral_constant<std::size_t, Width>;

#if defined(__x86_64__)
template <class Body>
[[gnu::target("avx2")]] void run_avx2(const Body& body) {
  body(SimdWidth<8>());
}
template <class Body>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]] void run_avx512(const Body& body) {
  body(SimdWidth<16>());
}
#endif

/// Calls body(SimdWidth<...>()) compiled for `isa`, which must be one of available_isas(). The lambda and all that it
/// calls must be always_inline: `[&](auto width) __attribute__((always_inline)) { ... }`.
template <class Body>
void with_simd(Isa isa, const Body& body) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return run_avx512(body);
  if (isa == Isa::avx2) return run_avx2(body);
#endif
  (void)isa;
  body(SimdWidth<4>());
}

}  // namespace quantbench
