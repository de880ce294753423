// FP8: the eight-bit floating point numbers of the OCP specification OFP8 (revision 1.0, 2023), and how they are multiplied by a
// scale.
//
//   E4M3 ("fn")  sign, 4 bits of exponent with bias 7, 3 of mantissa; to 448; no infinities, S.1111.111 is NaN
//   E5M2         sign, 5 bits of exponent with bias 15, 2 of mantissa; to 57344; infinities and NaN as in binary16, whose upper byte
//                it is
// A level is the encoding without its sign, and its sign: the numbers of levels ascend, and of two numbers equally near the one with
// the even level is the one that rounding to nearest even takes. Beyond the largest, numbers saturate; encoders write no NaN
// and no infinity, and decoders read them.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

template <int largest>
struct SignedNumbers {
  float of_level[2 * largest + 1];
};

template <int largest, class NumberOf>
constexpr SignedNumbers<largest> signed_numbers(const NumberOf& number_of) {
  SignedNumbers<largest> numbers{};
  for (int level = 0; level <= largest; ++level) {
    numbers.of_level[largest - level] = level == 0 ? 0.0f : -number_of(level);
    numbers.of_level[largest + level] = number_of(level);
  }
  return numbers;
}

constexpr auto e4m3_numbers = signed_numbers<0x7E>([](int code) { return OneLane::e4m3(code); });
constexpr auto e5m2_numbers = signed_numbers<0x7B>([](int code) { return OneLane::e5m2(code); });

inline unsigned sign_and_magnitude(int level) { return static_cast<unsigned>(level < 0 ? 0x80 - level : level); }

struct E4M3 {
  static constexpr const char* id = "fp8_e4m3";
  static constexpr int bits = 8;
  static constexpr int level_min = -0x7E, level_max = 0x7E;
  static constexpr const auto& numbers = e4m3_numbers.of_level;

  static unsigned code_of(int level) { return sign_and_magnitude(level); }

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats values(typename L::Levels codes) {
    return L::e4m3(codes);
  }
};

struct E5M2 {
  static constexpr const char* id = "fp8_e5m2";
  static constexpr int bits = 8;
  static constexpr int level_min = -0x7B, level_max = 0x7B;
  static constexpr const auto& numbers = e5m2_numbers.of_level;

  static unsigned code_of(int level) { return sign_and_magnitude(level); }

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats values(typename L::Levels codes) {
    return L::e5m2(codes);
  }
};

}  // namespace quantbench::formats
