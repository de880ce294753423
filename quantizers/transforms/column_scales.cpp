#include "quantizers/transforms/column_scales.h"

#include <algorithm>
#include <cmath>

namespace quantbench {
namespace {

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

/// Of a matrix (scales.size(), scales.size()).
void divide_rows_and_columns(std::span<float> values, std::span<const float> scales) {
  if (values.empty()) return;
  divide_columns(values, scales);
  for (std::size_t row = 0; row < scales.size(); ++row)
    for (float& value : values.subspan(row * scales.size(), scales.size())) value /= scales[row];
}

}  // namespace

std::vector<float> balanced(std::vector<float> scales) {
  const auto [smallest, largest] = std::ranges::minmax(scales);
  const float middle = std::sqrt(largest * smallest);
  for (float& scale : scales) scale /= middle;
  return scales;
}

void multiply_columns(std::span<float> values, std::span<const float> scales) {
  for (std::size_t begin = 0; begin < values.size(); begin += scales.size())
    for (std::size_t col = 0; col < scales.size(); ++col) values[begin + col] *= scales[col];
}

void divide_columns(std::span<float> values, std::span<const float> scales) {
  for (std::size_t begin = 0; begin < values.size(); begin += scales.size())
    for (std::size_t col = 0; col < scales.size(); ++col) values[begin + col] /= scales[col];
}

ScaledCalibration::ScaledCalibration(const LayerCalibration& original, std::span<const float> scales)
    : mean_square_(copy(original.mean_square)),
      mean_absolute_(copy(original.mean_absolute)),
      max_absolute_(copy(original.max_absolute)),
      second_moments_(copy(original.second_moments)),
      cross_moments_(copy(original.cross_moments)) {
  divide_columns(mean_square_, scales);
  divide_columns(mean_square_, scales);
  divide_columns(mean_absolute_, scales);
  divide_columns(max_absolute_, scales);
  divide_rows_and_columns(second_moments_, scales);
  divide_rows_and_columns(cross_moments_, scales);
}

LayerCalibration ScaledCalibration::view() const {
  return {.mean_square = mean_square_,
          .mean_absolute = mean_absolute_,
          .max_absolute = max_absolute_,
          .second_moments = second_moments_,
          .cross_moments = cross_moments_};
}

}  // namespace quantbench
