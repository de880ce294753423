// TQ1_0: 256 weights in 54 bytes, 1.6875 bits per weight. weight = d * (trit - 1)
//    0  32 bytes  five trits each: weights 0..159, trit i / 32 of byte i % 32
//   32  16 bytes  five trits each: weights 160..239, trit (i - 160) / 16 of byte (i - 160) % 16
//   48  4 bytes   four trits each: weights 240..255, trit (i - 240) / 4 of byte (i - 240) % 4
//   52  f16       d
// A byte holds the fraction 0.t0 t1 t2 t3 t4 of base 3, in units of 1/256 rounded up: trit n is the integer part of three
// times the fraction that is left of the byte times 3^n.
#pragma once

#include "quantizers/formats/k_quant.h"
#include "quantizers/formats/ternary.h"

namespace quantbench::formats {

/// 3^trit of each weight, and where the bytes of the last three runs are. Those lie
/// across bytes and trits; the very last one holds weights 224..239 and, in the last 4 of the 16 bytes from 36 on, 240..255.
QUANTBENCH_DEVICE_TABLE constexpr std::uint8_t tq1_0_positions[2][32] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
     12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15}};
QUANTBENCH_DEVICE_TABLE constexpr std::uint8_t tq1_0_powers[8][32] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3},
    {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9},
    {27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27,
     27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27},
    {81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81,
     81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81},
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3},
    {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27},
    {81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81,
     1,  1,  1,  1,  3,  3,  3,  3,  9,  9,  9,  9,  27, 27, 27, 27}};

struct TQ1_0 : SuperBlocks<TQ1_0> {
  static constexpr const char* id = "tq1_0";
  static constexpr std::uint32_t gguf_type = 34;
  static constexpr int group = 256, block_bytes = 54;
  static constexpr int level_min = -1, level_max = 1;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::subtract(L::multiply_high(fractions<L>(b, i / 32, i % 32), 3), 1);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) {
    return {HalfScale::load(b + 52), 0};
  }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    store_block(b, affine->scale, [&](int i) { return level[i] + 1; });
  }

  static void encode_block(const float* weights, std::byte* b) {
    round_ternary({weights, block}, [&](float d, const auto& code) { store_block(b, d, code); });
  }

 private:
  /// What is left of the weights' bytes after the trits before theirs.
  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels fractions(const std::byte* b, int run, int i) {
    const auto powers = L::constants(tq1_0_powers[run], i);
    if (run < 5) return L::multiply(L::unsigned_bytes(b, i), powers);
    const bool last = run == 7;
    return L::multiply(L::picked_bytes(b + 32, last ? b + 36 : b + 32, tq1_0_positions[last ? 1 : 0], i), powers);
  }

  template <class Code>
  static void store_block(std::byte* b, float d, const Code& code) {
    for (int i = 0; i < 32; ++i) b[i] = byte_of_trits(code, i, 32, 5);
    for (int i = 0; i < 16; ++i) b[32 + i] = byte_of_trits(code, 160 + i, 16, 5);
    for (int i = 0; i < 4; ++i) b[48 + i] = byte_of_trits(code, 240 + i, 4, 4);
    HalfScale::store(b + 52, d);
  }

  /// Of the weights first, first + step, ...; fewer than five trits are followed by zeros.
  template <class Code>
  static std::byte byte_of_trits(const Code& code, int first, int step, int count) {
    int value = 0;
    for (int trit = 0; trit < 5; ++trit) value = 3 * value + (trit < count ? code(first + trit * step) : 0);
    return static_cast<std::byte>((256 * value + 242) / 243);
  }
};

}  // namespace quantbench::formats
