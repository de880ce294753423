#include "kernels/synthetic.h"

#include <algorithm>
#include <random>

namespace quantbench {
namespace {

float uniform(std::mt19937& random) { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; }

std::vector<Affine> random_affines(const Format& format, std::size_t cols, std::mt19937& random) {
  std::vector<Affine> affines(format.groups_of_row(cols));
  for (Affine& affine : affines) {
    const float scale = 0.0625f + 0.03125f * uniform(random);
    affine = format.round_affine(format, {scale, scale * uniform(random)});
  }
  return affines;
}

/// Rows of a tensor with one scale all get the affines of the first.
void pack_levels(TensorData& tensor, std::mt19937& random) {
  const Tensor& view = tensor.view();
  const Format& format = *view.format;
  std::vector<std::int8_t> levels(view.cols);
  std::vector<Affine> affines = random_affines(format, view.cols, random);
  const auto level_count = static_cast<unsigned>(format.level_max - format.level_min + 1);
  for (std::size_t row = 0; row < view.rows; ++row) {
    for (std::int8_t& level : levels)
      level = static_cast<std::int8_t>(format.level_min + static_cast<int>((random() >> 8) % level_count));
    if (!format.scale_per_tensor) affines = random_affines(format, view.cols, random);
    format.pack(format, affines, levels, tensor.row(row));
  }
}

}  // namespace

std::vector<float> synthetic_values(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return uniform(random); });
  return values;
}

TensorData synthetic_tensor(std::shared_ptr<const Format> format, std::size_t rows, std::size_t cols,
                            std::uint32_t seed) {
  TensorData tensor("synthetic", rows, cols, std::move(format));
  const Format& stored = *tensor.view().format;
  std::mt19937 random(seed);
  if (!stored.floating_point) {
    pack_levels(tensor, random);
    return tensor;
  }
  for (std::size_t row = 0; row < rows; ++row)
    stored.encode_reference(stored, synthetic_values(cols, static_cast<std::uint32_t>(random())), tensor.row(row));
  return tensor;
}

}  // namespace quantbench
