// Vectors of four f32 in the registers of 64-bit Arm. Only for translation units compiled for them.
#pragma once

#include <arm_neon.h>

#include <cstddef>

namespace quantbench {
namespace {

struct VectorNeon {
  using Register = float32x4_t;
  static constexpr std::size_t width = 4;
  static constexpr std::size_t panel_vectors = 4, panel_rows = 6;  // 24 of 32 registers hold sums

  static Register zero() { return vdupq_n_f32(0); }
  static Register load(const float* from) { return vld1q_f32(from); }
  static void store(float* to, Register value) { vst1q_f32(to, value); }
  static Register broadcast(float value) { return vdupq_n_f32(value); }
  static Register multiply(Register a, Register b) { return vmulq_f32(a, b); }
  static Register add(Register a, Register b) { return vaddq_f32(a, b); }
  static Register fma(Register a, Register b, Register c) { return vfmaq_f32(c, a, b); }
  static void interleave(Register a, Register b, Register& low, Register& high) {
    low = vzip1q_f32(a, b);
    high = vzip2q_f32(a, b);
  }
};

}  // namespace
}  // namespace quantbench
