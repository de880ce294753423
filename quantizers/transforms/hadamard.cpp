// Rotations that weights absorb: the weight-only part of QuaRot (Ashkboos et al. 2024, arXiv 2404.00456), with random signs as there
// and in SpinQuant (Liu et al. 2024, arXiv 2405.16406).
//
// The residual stream is rotated, and values within each head (of grouped-query attention: one rotation for all heads of a block).
// Not rotated is what would need work while the model runs: the inputs of down projections, queries and keys after their
// rotation by position.
#include <cmath>

#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

double seed_of(const std::map<std::string, std::string>& options) {
  const auto seed = options.find("seed");
  return seed == options.end() ? 0 : std::stod(seed->second);
}

void check(const Method& method, const Format&) {
  const double seed = seed_of(method.options);
  if (seed != std::floor(seed) || seed > 1e9)
    fail("method '{}': seed is a whole number up to 1000000000", to_string(method));
  if (method.transforms.front() != "hadamard")
    fail("method '{}': hadamard comes first of the transforms, as it folds the norms that the others scale",
         to_string(method));
}

/// A seed of its own for the stream and for each block.
Rotation rotation_of(const RotationPlace& place, const std::map<std::string, std::string>& options) {
  constexpr std::uint64_t places = 1'000'003;
  return {place.size, static_cast<std::uint64_t>(seed_of(options)) * places + (place.block ? *place.block + 1 : 0)};
}

const Register<TransformEntry> registered{
    "hadamard",
    {"rotation of the residual stream and of values, folded into the weights (QuaRot, Ashkboos et al. 2024)", check,
     nullptr, rotation_of}};

}  // namespace
}  // namespace quantbench
