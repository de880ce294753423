#include "quantizers/solvers/search/format_task.h"

#include <algorithm>
#include <bit>

#include "quantizers/formats/codebook16.h"

namespace quantbench::search {
namespace {

/// 1 / step of the uniform quantizer with 2^bits levels that is best for Gaussian numbers of variance 1 (Max 1960, Quantizing
/// for minimum distortion, table II; continued by its asymptote).
float levels_per_rms(const Format& format, Levels levels) {
  if (levels == Levels::iq4) return 45;
  constexpr float best[] = {0.63f, 0.63f, 1.0f, 1.71f, 2.98f, 5.32f, 9.6f, 17.6f, 32.5f};
  const auto steps = static_cast<unsigned>(format.level_max - format.level_min);
  return best[std::min(8, static_cast<int>(std::bit_width(steps)))];
}

ScaleType scale_type(const Format& format) {
  if (format.id == "mxfp4") return ScaleType::power_of_two;
  if (format.id == "nvfp4") return ScaleType::ue4m3;
  return format.id == "q8_k" || format.id.ends_with(":scale=f32") ? ScaleType::full : ScaleType::half;
}

}  // namespace

bool find_levels(const Format& format, Levels& levels) {
  const auto equal = [&](const auto& values) { return std::ranges::equal(format.level_values, values); };
  constexpr std::int8_t signs[] = {-1, 1};
  if (format.floating_point) return false;
  if (format.level_values.empty()) {
    levels = Levels::uniform;
  } else if (equal(signs)) {
    levels = Levels::signs;
  } else if (equal(formats::iq4_values)) {
    levels = Levels::iq4;
  } else if (equal(formats::e2m1_doubled_ascending)) {
    levels = Levels::e2m1;
  } else {
    return false;
  }
  return true;
}

GroupTask group_task(const Format& format, Effort effort) {
  GroupTask task;
  find_levels(format, task.levels);
  task.level_min = static_cast<float>(format.level_min);
  task.level_max = static_cast<float>(format.level_max);
  task.scale = scale_type(format);
  task.levels_per_rms = levels_per_rms(format, task.levels);
  task.effort = effort;
  return task;
}

}  // namespace quantbench::search
