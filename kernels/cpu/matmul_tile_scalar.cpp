// Tile kernel without vector instructions: the reference, and the only one on machines other than x86-64.
#include <cmath>

#include "kernels/cpu/matmul_tile_impl.h"

namespace quantbench {
namespace {

struct VectorScalar {
  using Register = float;
  static constexpr std::size_t width = 1, panel_vectors = 4, panel_rows = 4;
  static Register zero() { return 0.0f; }
  static Register load(const float* from) { return *from; }
  static void store(float* to, Register value) { *to = value; }
  static Register broadcast(float value) { return value; }
  static Register fma(Register a, Register b, Register c) { return std::fma(a, b, c); }
  static void interleave(Register, Register, Register&, Register&) {}  // a square of one is its own transpose
};

}  // namespace

void compute_tile_scalar(const TileProduct& product, const Tile& tile, float* workspace) {
  compute_tile<VectorScalar>(product, tile, workspace);
}

}  // namespace quantbench
