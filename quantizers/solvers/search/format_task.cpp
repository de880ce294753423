#include "quantizers/solvers/search/format_task.h"

#include <algorithm>
#include <bit>

#include "quantizers/formats/codebook16.h"
#include "quantizers/formats/fp8.h"

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
  if (!format.float_levels.empty()) return format.id.ends_with(":scale=f16") ? ScaleType::half : ScaleType::full;
  if (format.id == "mxfp4") return ScaleType::power_of_two;
  if (format.id == "nvfp4") return ScaleType::ue4m3;
  return format.id == "q8_k" || format.id.ends_with(":scale=f32") ? ScaleType::full : ScaleType::half;
}

}  // namespace

bool find_levels(const Format& format, Levels& levels) {
  const auto equal = [&](const auto& values) { return std::ranges::equal(format.level_values, values); };
  constexpr std::int8_t signs[] = {-1, 1};
  const auto has_numbers = [&](const auto& numbers) { return std::ranges::equal(format.float_levels, numbers); };
  if (format.floating_point) return false;
  if (has_numbers(formats::e4m3_numbers.of_level)) {
    levels = Levels::e4m3;
  } else if (has_numbers(formats::e5m2_numbers.of_level)) {
    levels = Levels::e5m2;
  } else if (!format.float_levels.empty()) {
    levels = Levels::table;
    return format.float_levels.size() <= std::size(GroupTask{}.numbers);
  } else if (format.level_values.empty()) {
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

float number_unit(const Format& format) {
  Levels levels;
  return find_levels(format, levels) && levels == Levels::table ? 0x1p-3f : 1.0f;
}

GroupTask group_task(const Format& format, Effort effort) {
  GroupTask task;
  find_levels(format, task.levels);
  const float unit = number_unit(format);
  task.level_min = format.value(format.level_min) / unit;
  task.level_max = format.value(format.level_max) / unit;
  if (task.levels == Levels::table) {
    std::fill(std::begin(task.numbers), std::end(task.numbers), task.level_max);
    std::ranges::transform(format.float_levels, task.numbers, [&](float number) { return number / unit; });
  }
  task.scale = scale_type(format);
  task.levels_per_rms = levels_per_rms(format, task.levels);
  task.effort = effort;
  return task;
}

}  // namespace quantbench::search
