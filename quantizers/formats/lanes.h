// Lanes: the few operations on small integers in which every format describes its levels.
//
// A format header writes its bit layout once, as a template over a Lanes type, and never names an instruction set:
//   OneLane   one weight at a time on plain int: the scalar reference, and a CUDA thread.
//   others    32 weights at a time in the vectors of an instruction set (kernels/cpu/lanes_*.h).
//
// A Lanes type `L` has
//   L::width                   1, or 32
//   L::Levels                  `width` integers. Each lane is a byte: a format keeps every value it forms in 0..255 or in
//                              -128..127, so that byte lanes and int agree; only what `levels` returns is read as
//                              signed.
//   L::Floats                  `width` floats
// Integer loads: `p` is the first byte of a run, `i` the index of the first wanted weight (OneLane: any; 32 lanes: a
// multiple of 32, and 0 for the loads that speak of a run of 32 weights).
//   L::signed_bytes(p, i)      weight k is the int8 p[k]
//   L::unsigned_bytes(p, i)    weight k is the byte p[k]
//   L::nibbles(p, i)           16 bytes hold 32 weights: 0..15 in the low halves, 16..31 in the high halves
//                              (the GGUF order)
//   L::crumbs(p, i)            8 bytes hold 32 weights of 2 bits: weight k is bits 2*(k/8), +1 of p[k % 8]
//   L::bits(p, i)              4 bytes hold 32 weights of 1 bit: weight k is bit k % 8 of p[k / 8]
//   L::picked_bytes(p, q, positions, i)   weight k of a run of 32 is p[positions[k]], from the middle on
//                              q[positions[k]]; positions are 0..15 and 16 bytes of p and of q can be read
//   L::constants(table, i)     table[k] of 32 entries for a run of 32 weights
// Integer arithmetic, lane by lane, `n` a plain number that is the same for all lanes:
//   L::add(a, b)  L::add(a, n)  L::subtract(a, n)  L::bit_or(a, b)  L::bit_and(a, n)
//   L::shift_left(a, n)  L::shift_right(a, n)      logical, of values 0..255 that stay in 0..255
//   L::multiply(a, b)          the low byte of the product of values 0..255
//   L::multiply_high(a, n)     the high byte of the product
//   L::lookup(table, a)        table[a] of 16 signed entries, a in 0..15
// Codebooks, where `i` is the index of the first wanted weight in the block:
//   L::octets(table, i, index_of)   table holds runs of 8 signed entries; octet k of the block is run index_of(k)
//   L::quads(table, i, index_of)    the same for runs of 4
//   L::negate_where(a, word, i)     minus a where bit k % 32 of the word is set, k the index of the weight
// Numbers that levels stand for:
//   L::float_lookup(table, a)  table[a] of 16 floats, a in 0..15
//   L::e4m3(a)  L::e5m2(a)     the numbers whose OFP8 encodings are the bytes a: formats/fp8.h. NaN may have any payload
// Floating point loads of `width` consecutive stored values:
//   L::f32(p)  L::f16(p)  L::bf16(p)
//
// A Lanes type may have more (dot products, stores): those belong to the kernels. Everything here and in the format
// headers is compiled in several translation units with different instruction sets, so it is forced inline or keyed by
// the Lanes type, and uses no inline function of the standard library: else the linker could keep the copy that was
// compiled for the newest instruction set and call it on a machine without it.
#pragma once

#if defined(__F16C__)
#include <immintrin.h>
#endif

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "core/half.h"
#include "core/host_device.h"

namespace quantbench::formats {

/// Little-endian fields of unaligned bytes.
[[gnu::always_inline]] constexpr std::uint16_t load_u16(const std::byte* p) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(p[0]) | static_cast<unsigned>(p[1]) << 8);
}
[[gnu::always_inline]] constexpr std::uint32_t load_u32(const std::byte* p) {
  return static_cast<std::uint32_t>(load_u16(p)) | static_cast<std::uint32_t>(load_u16(p + 2)) << 16;
}
[[gnu::always_inline]] constexpr void store_u16(std::byte* p, std::uint16_t value) {
  p[0] = static_cast<std::byte>(value & 0xFFu);
  p[1] = static_cast<std::byte>(value >> 8);
}
[[gnu::always_inline]] constexpr void store_u32(std::byte* p, std::uint32_t value) {
  store_u16(p, static_cast<std::uint16_t>(value & 0xFFFFu));
  store_u16(p + 2, static_cast<std::uint16_t>(value >> 16));
}

struct OneLane {
  static constexpr int width = 1;
  using Levels = int;
  using Floats = float;

  [[gnu::always_inline]] static constexpr int signed_bytes(const std::byte* p, int i) {
    return static_cast<std::int8_t>(p[i]);
  }
  [[gnu::always_inline]] static constexpr int unsigned_bytes(const std::byte* p, int i) {
    return static_cast<int>(p[i]);
  }
  [[gnu::always_inline]] static constexpr int nibbles(const std::byte* p, int i) {
    return (unsigned_bytes(p, i % 16) >> (i / 16 * 4)) & 15;
  }
  [[gnu::always_inline]] static constexpr int crumbs(const std::byte* p, int i) {
    return (unsigned_bytes(p, i % 8) >> (i / 8 * 2)) & 3;
  }
  [[gnu::always_inline]] static constexpr int bits(const std::byte* p, int i) {
    return (unsigned_bytes(p, i / 8) >> (i % 8)) & 1;
  }

  [[gnu::always_inline]] static constexpr int picked_bytes(const std::byte* p, const std::byte* q,
                                                           const std::uint8_t* positions, int i) {
    return unsigned_bytes(i < 16 ? p : q, positions[i]);
  }
  [[gnu::always_inline]] static constexpr int constants(const std::uint8_t* table, int i) { return table[i]; }

  [[gnu::always_inline]] static constexpr int add(int a, int b) { return a + b; }
  [[gnu::always_inline]] static constexpr int subtract(int a, int n) { return a - n; }
  [[gnu::always_inline]] static constexpr int bit_or(int a, int b) { return a | b; }
  [[gnu::always_inline]] static constexpr int bit_and(int a, int n) { return a & n; }
  [[gnu::always_inline]] static constexpr int shift_left(int a, int n) { return a << n; }
  [[gnu::always_inline]] static constexpr int shift_right(int a, int n) { return a >> n; }
  [[gnu::always_inline]] static constexpr int multiply(int a, int b) { return (a * b) & 255; }
  [[gnu::always_inline]] static constexpr int multiply_high(int a, int n) { return (a * n) >> 8; }
  [[gnu::always_inline]] static constexpr int lookup(const std::int8_t* table, int a) { return table[a]; }

  template <class IndexOf>
  [[gnu::always_inline]] static constexpr int octets(const std::int8_t* table, int i, const IndexOf& index_of) {
    return table[index_of(i / 8) * 8 + i % 8];
  }
  template <class IndexOf>
  [[gnu::always_inline]] static constexpr int quads(const std::int8_t* table, int i, const IndexOf& index_of) {
    return table[index_of(i / 4) * 4 + i % 4];
  }
  [[gnu::always_inline]] static constexpr int negate_where(int a, std::uint32_t word, int i) {
    return (word >> (i % 32)) & 1 ? -a : a;
  }

  [[gnu::always_inline]] static constexpr float float_lookup(const float* table, int a) { return table[a]; }
  /// The bits shifted into a binary16 give the number times 2^-8, as its exponent has the bias 15 and not 7; subnormal numbers and
  /// zeros too. Only 0x7F, which is NaN, has to be made one.
  [[gnu::always_inline]] static constexpr float e4m3(int a) {
    const int magnitude = a & 0x7F, half = (a & 0x80) << 8 | magnitude << 7 | (magnitude == 0x7F ? 0x7C00 : 0);
    return widen(static_cast<std::uint16_t>(half)) * 256;
  }
  [[gnu::always_inline]] static constexpr float e5m2(int a) {
    return widen(static_cast<std::uint16_t>((a & 0xFF) << 8));
  }

  [[gnu::always_inline]] static constexpr float f32(const std::byte* p) {
    return __builtin_bit_cast(float, load_u32(p));
  }
  [[gnu::always_inline]] static constexpr float f16(const std::byte* p) { return widen(load_u16(p)); }
  [[gnu::always_inline]] static constexpr float bf16(const std::byte* p) { return bf16_to_f32(load_u16(p)); }

 private:
  /// Kernels widen a scale for every group: there the machine's own conversion, equal on all 65536 inputs (on CUDA devices but for the
  /// payload of NaN), pays.
  [[gnu::always_inline]] static constexpr float widen(std::uint16_t half) {
#if defined(__F16C__)
    if (!__builtin_is_constant_evaluated()) return _cvtsh_ss(half);
#elif defined(__CUDA_ARCH__)
    if (!__builtin_is_constant_evaluated()) {
      float wide;
      asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(half));
      return wide;
    }
#endif
    return f16_to_f32(half);
  }
};

template <class L>
concept Lanes = (L::width == 1 || L::width == 32) &&
                requires(const std::byte* p, const std::int8_t* table, const std::uint8_t* entries, int i,
                         typename L::Levels a, std::uint32_t word, int (*index_of)(int), const float* numbers) {
  { L::signed_bytes(p, i) } -> std::same_as<typename L::Levels>;
  { L::unsigned_bytes(p, i) } -> std::same_as<typename L::Levels>;
  { L::nibbles(p, i) } -> std::same_as<typename L::Levels>;
  { L::crumbs(p, i) } -> std::same_as<typename L::Levels>;
  { L::bits(p, i) } -> std::same_as<typename L::Levels>;
  { L::picked_bytes(p, p, entries, i) } -> std::same_as<typename L::Levels>;
  { L::constants(entries, i) } -> std::same_as<typename L::Levels>;
  { L::multiply(a, a) } -> std::same_as<typename L::Levels>;
  { L::multiply_high(a, i) } -> std::same_as<typename L::Levels>;
  { L::add(a, a) } -> std::same_as<typename L::Levels>;
  { L::add(a, i) } -> std::same_as<typename L::Levels>;
  { L::subtract(a, i) } -> std::same_as<typename L::Levels>;
  { L::bit_or(a, a) } -> std::same_as<typename L::Levels>;
  { L::bit_and(a, i) } -> std::same_as<typename L::Levels>;
  { L::shift_left(a, i) } -> std::same_as<typename L::Levels>;
  { L::shift_right(a, i) } -> std::same_as<typename L::Levels>;
  { L::lookup(table, a) } -> std::same_as<typename L::Levels>;
  { L::octets(table, i, index_of) } -> std::same_as<typename L::Levels>;
  { L::quads(table, i, index_of) } -> std::same_as<typename L::Levels>;
  { L::negate_where(a, word, i) } -> std::same_as<typename L::Levels>;
  { L::float_lookup(numbers, a) } -> std::same_as<typename L::Floats>;
  { L::e4m3(a) } -> std::same_as<typename L::Floats>;
  { L::e5m2(a) } -> std::same_as<typename L::Floats>;
  { L::f32(p) } -> std::same_as<typename L::Floats>;
  { L::f16(p) } -> std::same_as<typename L::Floats>;
  { L::bf16(p) } -> std::same_as<typename L::Floats>;
};

static_assert(Lanes<OneLane>);

}  // namespace quantbench::formats
