#include "quantizers/formats/double_quantized.h"

#include <cmath>

#include "quantizers/formats/nearest_level.h"

namespace quantbench::formats {
namespace {

/// The mean and all distances from it stay finite.
constexpr float largest_scale = FLT_MAX / 4;

float mean_of(std::span<const float> scales) {
  double sum = 0;
  for (const float scale : scales) sum += static_cast<double>(scale);
  return static_cast<float>(sum / static_cast<double>(scales.size()));
}

/// Takes the farthest scale to 1.
Affine unit_for(std::span<const float> scales, float mean) {
  float farthest = 0;
  for (const float scale : scales) farthest = std::max(farthest, std::fabs(scale - mean));
  return {farthest, mean};
}

}  // namespace

int nearest_code(Affine unit, float scale) {
  static const NearestLevel nearest(dynamic_numbers.of_code, 0);
  if (unit.scale == 0) return dynamic_zero;
  const double distance = static_cast<double>(scale) - static_cast<double>(unit.offset);
  return nearest(distance / static_cast<double>(unit.scale));
}

void round_double_scales(const Format&, std::span<float> scales, std::byte* header) {
  for (float& scale : scales) scale = std::clamp(scale, -largest_scale, largest_scale);
  const float mean = mean_of(scales);
  FloatScale::store(header, mean);
  for (std::size_t begin = 0; begin < scales.size(); begin += groups_per_unit) {
    const auto run = scales.subspan(begin, std::min(groups_per_unit, scales.size() - begin));
    const Affine unit = unit_for(run, mean);
    header += sizeof(float);
    FloatScale::store(header, unit.scale);
    for (float& scale : run) scale = double_scale(unit, nearest_code(unit, scale));
  }
}

}  // namespace quantbench::formats
