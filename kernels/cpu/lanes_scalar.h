// Lanes of one weight, with the floating point side that kernels need.
#pragma once

#include "core/vector_scalar.h"
#include "quantizers/formats/lanes.h"

namespace quantbench {
namespace {

struct LanesScalar : formats::OneLane {
  using Vector = VectorScalar;
  static constexpr std::size_t parts = 1;
  static constexpr std::size_t sums_per_row = 1;

  static Floats to_floats(Levels levels) { return static_cast<float>(levels); }
  static Vector::Register& part(Floats& floats, std::size_t) { return floats; }
};

}  // namespace
}  // namespace quantbench
