// Lanes of a CUDA thread: 32 weights at a time, as bytes in eight registers of 32 bits.
//
// Plain integer arithmetic on words: the same source runs on the CPU, where the tests compare it with the scalar decoder. Functions
// are inlined and loops unrolled, so that words stay in registers on the device.
#pragma once

#include <cstring>

#include "quantizers/formats/lanes.h"

namespace quantbench::gpu {

/// Weight k of the run is byte k % 4 of word k / 4.
struct RunOfBytes {
  std::uint32_t word[8];
};
struct RunOfFloats {
  float value[32];
};

struct alignas(8) TwoWords {
  std::uint32_t word[2];
};
struct alignas(16) FourWords {
  std::uint32_t word[4];
};

/// A T at an address that is a multiple of its alignment: one instruction on the device, up to 16 bytes.
template <class T>
QUANTBENCH_HOST_DEVICE T load_aligned(const void* p) {
  T value;
  std::memcpy(&value, __builtin_assume_aligned(p, alignof(T)), sizeof value);
  return value;
}
template <class T>
QUANTBENCH_HOST_DEVICE void store_aligned(void* p, const T& value) {
  std::memcpy(__builtin_assume_aligned(p, alignof(T)), &value, sizeof value);
}

QUANTBENCH_HOST_DEVICE constexpr std::uint32_t in_each_byte(unsigned byte) { return byte * 0x01010101u; }

/// Bytes of `low` (0..3) and `high` (4..7), chosen by the four lowest half bytes of `selector`, each 0..7.
QUANTBENCH_HOST_DEVICE constexpr std::uint32_t permute_bytes(std::uint32_t low, std::uint32_t high,
                                                             std::uint32_t selector) {
#if defined(__CUDA_ARCH__)
  if (!__builtin_is_constant_evaluated()) return __byte_perm(low, high, selector);
#endif
  const std::uint64_t bytes = static_cast<std::uint64_t>(high) << 32 | low;
  std::uint32_t chosen = 0;
  for (unsigned i = 0; i < 4; ++i)
    chosen |= static_cast<std::uint32_t>(bytes >> (selector >> (4 * i) & 7) * 8 & 0xFF) << (8 * i);
  return chosen;
}

/// Sums byte by byte, without carries between them.
QUANTBENCH_HOST_DEVICE constexpr std::uint32_t add_bytes(std::uint32_t a, std::uint32_t b) {
  constexpr std::uint32_t low_bits = in_each_byte(0x7F);
  return ((a & low_bits) + (b & low_bits)) ^ ((a ^ b) & ~low_bits);
}

/// Bits 0..3 of `bits` as four bytes of 0 or 1.
QUANTBENCH_HOST_DEVICE constexpr std::uint32_t spread_bits(std::uint32_t bits) {
  return ((bits & 15) * 0x00204081u) & in_each_byte(1);
}

/// `count` words from bytes at any place. Whole words are read, aligned ones: up to three bytes before the first and after the last
/// wanted byte. Memory is aligned and padded for that (device_memory.h).
template <int count>
QUANTBENCH_HOST_DEVICE void load_words(const std::byte* p, std::uint32_t* words) {
  const auto misaligned = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(p) % 4);
  const std::byte* const aligned = p - misaligned;
  const auto word_at = [aligned](int i) { return load_aligned<std::uint32_t>(aligned + 4 * i); };
  std::uint32_t low = word_at(0);
  QUANTBENCH_UNROLL
  for (int i = 0; i < count; ++i) {
    const std::uint32_t high = word_at(i + 1 == count && misaligned == 0 ? i : i + 1);
    words[i] = static_cast<std::uint32_t>((static_cast<std::uint64_t>(high) << 32 | low) >> (8 * misaligned));
    low = high;
  }
}

struct ThreadLanes {
  static constexpr int width = 32;
  using Levels = RunOfBytes;
  using Floats = RunOfFloats;

  QUANTBENCH_HOST_DEVICE static RunOfBytes unsigned_bytes(const std::byte* p, int i) {
    RunOfBytes run;
    load_words<8>(p + i, run.word);
    return run;
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes signed_bytes(const std::byte* p, int i) { return unsigned_bytes(p, i); }
  QUANTBENCH_HOST_DEVICE static RunOfBytes nibbles(const std::byte* p, int) {
    std::uint32_t words[4];
    load_words<4>(p, words);
    return each([&](int k) { return words[k % 4] >> (k / 4 * 4) & in_each_byte(15); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes crumbs(const std::byte* p, int) {
    std::uint32_t words[2];
    load_words<2>(p, words);
    return each([&](int k) { return words[k % 2] >> (k / 2 * 2) & in_each_byte(3); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes bits(const std::byte* p, int) {
    std::uint32_t word;
    load_words<1>(p, &word);
    return each([&](int k) { return spread_bits(word >> (4 * k)); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes picked_bytes(const std::byte* p, const std::byte* q,
                                                        const std::uint8_t* positions, int) {
    return each_byte([&](int k) { return static_cast<std::uint32_t>((k < 16 ? p : q)[positions[k]]); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes constants(const std::uint8_t* table, int) {
    return each_byte([&](int k) { return static_cast<std::uint32_t>(table[k]); });
  }

  QUANTBENCH_HOST_DEVICE static RunOfBytes add(const RunOfBytes& a, const RunOfBytes& b) {
    return each([&](int k) { return add_bytes(a.word[k], b.word[k]); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes add(const RunOfBytes& a, int n) {
    const std::uint32_t same = in_each_byte(static_cast<unsigned>(n) & 0xFF);
    return each([&](int k) { return add_bytes(a.word[k], same); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes subtract(const RunOfBytes& a, int n) { return add(a, -n); }
  QUANTBENCH_HOST_DEVICE static RunOfBytes bit_or(const RunOfBytes& a, const RunOfBytes& b) {
    return each([&](int k) { return a.word[k] | b.word[k]; });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes bit_and(const RunOfBytes& a, int n) {
    return each([&](int k) { return a.word[k] & in_each_byte(static_cast<unsigned>(n)); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes shift_left(const RunOfBytes& a, int n) {
    return each([&](int k) { return a.word[k] << n; });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes shift_right(const RunOfBytes& a, int n) {
    return each([&](int k) { return a.word[k] >> n & in_each_byte(0xFFu >> n); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes multiply(const RunOfBytes& a, const RunOfBytes& b) {
    return each_byte([&](int k) { return byte_of(a, k) * byte_of(b, k); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfBytes multiply_high(const RunOfBytes& a, int n) {
    constexpr std::uint32_t even = 0x00FF00FFu;
    const auto factor = static_cast<unsigned>(n);
    return each(
        [&](int k) { return ((a.word[k] & even) * factor >> 8 & even) | ((a.word[k] >> 8 & even) * factor & ~even); });
  }
  /// Sixteen entries are four words, of which one permutation sees two: bit 3 of each index chooses between two results.
  QUANTBENCH_HOST_DEVICE static RunOfBytes lookup(const std::int8_t* table, const RunOfBytes& a) {
    std::uint32_t entries[4];
    load_words<4>(reinterpret_cast<const std::byte*>(table), entries);
    return each([&](int k) {
      const std::uint32_t paired = a.word[k] | a.word[k] >> 4;
      const std::uint32_t selector = (paired & 0xFF) | (paired >> 8 & 0xFF00);
      const std::uint32_t lower = permute_bytes(entries[0], entries[1], selector & 0x7777);
      const std::uint32_t upper = permute_bytes(entries[2], entries[3], selector & 0x7777);
      return permute_bytes(lower, upper, 0x3210 | (selector & 0x8888) >> 1);
    });
  }

  template <class IndexOf>
  QUANTBENCH_HOST_DEVICE static RunOfBytes octets(const std::int8_t* table, int i, const IndexOf& index_of) {
    RunOfBytes run;
    QUANTBENCH_UNROLL
    for (int k = 0; k < 4; ++k) {
      const auto octet = load_aligned<TwoWords>(table + index_of(i / 8 + k) * 8);
      run.word[2 * k] = octet.word[0], run.word[2 * k + 1] = octet.word[1];
    }
    return run;
  }
  template <class IndexOf>
  QUANTBENCH_HOST_DEVICE static RunOfBytes quads(const std::int8_t* table, int i, const IndexOf& index_of) {
    return each([&](int k) { return load_aligned<std::uint32_t>(table + index_of(i / 4 + k) * 4); });
  }
  /// Minus a is its complement plus one.
  QUANTBENCH_HOST_DEVICE static RunOfBytes negate_where(const RunOfBytes& a, std::uint32_t signs, int) {
    return each([&](int k) {
      const std::uint32_t ones = spread_bits(signs >> (4 * k));
      return add_bytes(a.word[k] ^ ones * 0xFF, ones);
    });
  }

  QUANTBENCH_HOST_DEVICE static RunOfFloats float_lookup(const float* table, const RunOfBytes& a) {
    return each_float([&](int k) { return table[byte_of(a, k)]; });
  }
  QUANTBENCH_HOST_DEVICE static RunOfFloats e4m3(const RunOfBytes& a) {
    return each_float([&](int k) { return formats::OneLane::e4m3(static_cast<int>(byte_of(a, k))); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfFloats e5m2(const RunOfBytes& a) {
    return each_float([&](int k) { return formats::OneLane::e5m2(static_cast<int>(byte_of(a, k))); });
  }

  QUANTBENCH_HOST_DEVICE static RunOfFloats f32(const std::byte* p) {
    std::uint32_t words[32];
    load_words<32>(p, words);
    return each_float([&](int k) { return __builtin_bit_cast(float, words[k]); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfFloats f16(const std::byte* p) {
    return each_half(p, [](const std::byte* bytes) { return formats::OneLane::f16(bytes); });
  }
  QUANTBENCH_HOST_DEVICE static RunOfFloats bf16(const std::byte* p) {
    return each_half(p, [](const std::byte* bytes) { return formats::OneLane::bf16(bytes); });
  }

  QUANTBENCH_HOST_DEVICE static std::uint32_t byte_of(const RunOfBytes& run, int k) {
    return run.word[k / 4] >> (k % 4 * 8) & 0xFF;
  }

 private:
  template <class WordOf>
  QUANTBENCH_HOST_DEVICE static RunOfBytes each(const WordOf& word_of) {
    RunOfBytes run;
    QUANTBENCH_UNROLL
    for (int k = 0; k < 8; ++k) run.word[k] = word_of(k);
    return run;
  }
  /// Of what `byte_of_weight` gives, the low byte.
  template <class ByteOfWeight>
  QUANTBENCH_HOST_DEVICE static RunOfBytes each_byte(const ByteOfWeight& byte_of_weight) {
    return each([&](int k) {
      std::uint32_t word = 0;
      QUANTBENCH_UNROLL
      for (int j = 0; j < 4; ++j) word |= (byte_of_weight(4 * k + j) & 0xFF) << (8 * j);
      return word;
    });
  }
  template <class FloatOf>
  QUANTBENCH_HOST_DEVICE static RunOfFloats each_float(const FloatOf& float_of) {
    RunOfFloats run;
    QUANTBENCH_UNROLL
    for (int k = 0; k < 32; ++k) run.value[k] = float_of(k);
    return run;
  }
  template <class Widen>
  QUANTBENCH_HOST_DEVICE static RunOfFloats each_half(const std::byte* p, const Widen& widen) {
    std::uint32_t words[16];
    load_words<16>(p, words);
    return each_float([&](int k) {
      const std::uint32_t bits = words[k / 2] >> (k % 2 * 16);
      const std::byte bytes[2] = {static_cast<std::byte>(bits & 0xFF), static_cast<std::byte>(bits >> 8 & 0xFF)};
      return widen(bytes);
    });
  }
};

static_assert(formats::Lanes<ThreadLanes>);

}  // namespace quantbench::gpu
