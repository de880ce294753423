#include "kernels/cpu/int8_repacked_impl.h"

namespace quantbench {
namespace {

/// The operations of int8_repacked_impl.h on plain numbers: the reference.
struct RepackedLanesScalar {
  struct Bytes {
    std::uint8_t of[64];
  };
  struct Integers {
    std::int32_t of[band_rows];
  };
  struct Floats {
    float of[band_rows];
  };

  template <class Numbers, class Of>
  static Numbers each(const Of& of) {
    Numbers numbers;
    std::size_t i = 0;
    for (auto& number : numbers.of) number = of(i++);
    return numbers;
  }
  template <class Of>
  static Bytes bytes(const Of& of) {
    return each<Bytes>([&](std::size_t i) { return static_cast<std::uint8_t>(of(i)); });
  }

  static Bytes load(const std::byte* p) {
    return bytes([=](std::size_t i) { return p[i]; });
  }
  template <int n>
  static Bytes shift_left(const Bytes& a) {
    return bytes([&](std::size_t i) { return a.of[i] << n; });
  }
  template <int n>
  static Bytes shift_right(const Bytes& a) {
    return bytes([&](std::size_t i) { return a.of[i] >> n; });
  }
  static Bytes keep(int mask, const Bytes& a) {
    return bytes([&](std::size_t i) { return a.of[i] & mask; });
  }
  static Bytes select(int mask, const Bytes& first, const Bytes& second) {
    return bytes([&](std::size_t i) { return (first.of[i] & mask) | (second.of[i] & ~mask); });
  }
  static Bytes look_up(const std::uint8_t* table, const Bytes& a) {
    return bytes([&](std::size_t i) { return table[a.of[i] & 63]; });
  }

  static Integers integer(std::int32_t n) {
    return each<Integers>([=](std::size_t) { return n; });
  }
  static Integers dot(const Integers& sums, const Bytes& a, const std::int8_t* quad) {
    return each<Integers>([&](std::size_t row) {
      std::int32_t sum = sums.of[row];
      for (std::size_t k = 0; k < 4; ++k) sum += a.of[4 * row + k] * quad[k];
      return sum;
    });
  }
  static Integers subtract_where(unsigned bits, const Integers& a, std::int32_t n) {
    return each<Integers>([&](std::size_t row) { return (bits >> row & 1) != 0 ? a.of[row] - n : a.of[row]; });
  }

  static Floats number(float x) {
    return each<Floats>([=](std::size_t) { return x; });
  }
  static Floats to_floats(const Integers& a) {
    return each<Floats>([&](std::size_t row) { return static_cast<float>(a.of[row]); });
  }
  static Floats halves(const std::byte* p) {
    return each<Floats>([=](std::size_t row) { return formats::HalfScale::load(p + 2 * row); });
  }
  static Floats small_integers(const std::byte* p) {
    return each<Floats>([=](std::size_t row) { return static_cast<float>(static_cast<std::int8_t>(p[row])); });
  }
  static Floats nibbles(const std::byte* p, int shift) {
    return each<Floats>([=](std::size_t row) { return static_cast<float>(static_cast<int>(p[row]) >> shift & 15); });
  }
  template <int shift>
  static Floats six_bits(const std::byte* p) {
    return each<Floats>(
        [=](std::size_t row) { return static_cast<float>(formats::load_u32(p + 4 * row) >> shift & 63); });
  }
  static Floats upper_bits(const std::byte* p) {
    return each<Floats>([=](std::size_t row) {
      const auto bits = [=](std::size_t word) { return formats::load_u32(p + 4 * (band_rows * word + row)) >> 30; };
      return static_cast<float>(bits(0) | bits(1) << 2 | bits(2) << 4);
    });
  }
  static Floats add(const Floats& a, const Floats& b) {
    return each<Floats>([&](std::size_t row) { return a.of[row] + b.of[row]; });
  }
  static Floats multiply(const Floats& a, const Floats& b) {
    return each<Floats>([&](std::size_t row) { return a.of[row] * b.of[row]; });
  }
  static Floats add_product(const Floats& a, const Floats& b, const Floats& sum) {
    return each<Floats>([&](std::size_t row) { return __builtin_fmaf(a.of[row], b.of[row], sum.of[row]); });
  }
  static Floats subtract_product(const Floats& a, const Floats& b, const Floats& sum) {
    return each<Floats>([&](std::size_t row) { return __builtin_fmaf(-a.of[row], b.of[row], sum.of[row]); });
  }
  static void store(float* p, const Floats& a) {
    for (const float value : a.of) *p++ = value;
  }
};

}  // namespace

const RepackedKernels* repacked_kernels_scalar() { return repacked_kernel_table<RepackedLanesScalar>(formats::All{}); }

}  // namespace quantbench
