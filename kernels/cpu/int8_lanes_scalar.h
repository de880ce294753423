// The operations of int8_kernels_impl.h on plain numbers: the reference.
#pragma once

#include "kernels/cpu/int8_kernels.h"
#include "quantizers/formats/lanes.h"

namespace quantbench {
namespace {

struct Int8LanesScalar {
  static constexpr const char* variant = "generic";
  using Sums = float;
  struct Codes {
    std::uint8_t of_weight[32];
  };
  template <class F>
  static constexpr int dot_shift = -F::level_min;

  template <class F, int shift>
  static Codes codes_of(const std::byte* block, int i) {
    Codes codes;
    for (int k = 0; k < 32; ++k)
      codes.of_weight[k] = static_cast<std::uint8_t>(F::template levels<formats::OneLane>(block, i + k) + shift);
    return codes;
  }
  static Codes load_codes(const std::uint8_t* p) {
    Codes codes;
    for (int k = 0; k < 32; ++k) codes.of_weight[k] = p[k];
    return codes;
  }
  static void store_codes(const Codes& codes, std::uint8_t* p) {
    for (int k = 0; k < 32; ++k) p[k] = codes.of_weight[k];
  }

  static Sums no_sums() { return 0; }
  template <class F, int per, int>
  static void add_dot(Sums& sums, const Codes& codes, const std::int8_t* x, const float* scales) {
    for (int part = 0; part < per; ++part) {
      int dot = 0;
      for (int k = part * (32 / per); k < (part + 1) * (32 / per); ++k) dot += codes.of_weight[k] * x[k];
      sums += scales[part] * static_cast<float>(dot);
    }
  }
  template <int count>
  static void add_products(Sums& sums, const float* a, const float* b) {
    for (int i = 0; i < count; ++i) sums += a[i] * b[i];
  }
  template <int count>
  static void multiply_floats(const float* a, const float* b, float* out) {
    for (int i = 0; i < count; ++i) out[i] = a[i] * b[i];
  }
  /// a: two for each of b.
  template <int count>
  static void multiply_pairs(const float* a, const float* b, float* out) {
    for (int i = 0; i < 2 * count; ++i) out[i] = a[i] * b[i / 2];
  }
  static float total(Sums sums) { return sums; }
};

}  // namespace
}  // namespace quantbench
