// Vectors of one f32: the scalar reference of the kernels that are templates over a vector type.
#pragma once

#include <cmath>
#include <cstddef>

namespace quantbench {
namespace {

struct VectorScalar {
  using Register = float;
  static constexpr std::size_t width = 1;
  static constexpr std::size_t panel_vectors = 4, panel_rows = 4;  // the register tile of the matrix product

  static Register zero() { return 0.0f; }
  static Register load(const float* from) { return *from; }
  static void store(float* to, Register value) { *to = value; }
  static Register broadcast(float value) { return value; }
  static Register multiply(Register a, Register b) { return a * b; }
  static Register add(Register a, Register b) { return a + b; }
  static Register fma(Register a, Register b, Register c) { return std::fma(a, b, c); }
  static void interleave(Register, Register, Register&, Register&) {}  // a square of one is its own transpose
};

}  // namespace
}  // namespace quantbench
