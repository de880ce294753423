#include "models/architectures/blocks/softmax.h"

#include <algorithm>
#include <limits>

#include "models/architectures/blocks/exponential.h"

namespace quantbench {
namespace {

template <std::size_t Width>
constexpr std::size_t registers = simd_lanes / Width;

template <std::size_t Width>
[[gnu::always_inline]] inline float maximum(std::span<const float> row) {
  Simd<float, Width> most[registers<Width>], value;
  std::memcpy(most, row.data(), sizeof most);
  for (std::size_t index = simd_lanes; index < row.size(); index += simd_lanes) {
    for (std::size_t part = 0; part < registers<Width>; ++part) {
      load<float, Width>(row.data() + index + part * Width, value);
      most[part] = value > most[part] ? value : most[part];
    }
  }
  float lanes[simd_lanes];
  std::memcpy(lanes, most, sizeof lanes);
  float maximum = lanes[0];
  for (const float lane : lanes) maximum = lane > maximum ? lane : maximum;
  return maximum;
}

template <std::size_t Width>
[[gnu::always_inline]] inline float numerators(std::span<float> row, float scale) {
  const float most = maximum<Width>(row);
  Simd<float, Width> sums[registers<Width>] = {}, value;
  for (std::size_t index = 0; index < row.size(); index += simd_lanes) {
    for (std::size_t part = 0; part < registers<Width>; ++part) {
      float* const place = row.data() + index + part * Width;
      load<float, Width>(place, value);
      value = (value - most) * scale;
      exponential<float, Width>(value);
      sums[part] += value;
      store<float, Width>(value, place);
    }
  }
  return sum_of_lanes<float>(sums);
}

}  // namespace

float softmax_numerators(std::span<float> row, std::size_t valid, float scale, Isa isa) {
  std::fill(row.begin() + static_cast<std::ptrdiff_t>(valid), row.end(), -std::numeric_limits<float>::infinity());
  float sum = 0;
  with_simd(
      isa, [&](auto width) __attribute__((always_inline)) { sum = numerators<width()>(row, scale); });
  return sum;
}

}  // namespace quantbench
