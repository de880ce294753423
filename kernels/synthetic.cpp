#include "kernels/synthetic.h"

#include <algorithm>
#include <random>

#include "core/half.h"

namespace quantbench {
namespace {

float uniform(std::mt19937& random) { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; }

std::vector<Affine> random_affines(const Format& format, std::size_t cols, std::mt19937& random) {
  std::vector<Affine> affines(format.groups_of_row(cols));
  for (Affine& affine : affines) {
    const float scale = 0.0625f + 0.03125f * uniform(random);
    affine = {scale, scale * uniform(random)};
    if (format.round_affine != nullptr) affine = format.round_affine(format, affine);
  }
  return affines;
}

/// Double quantization: of all rows.
std::vector<Affine> random_affines_together(TensorData& tensor, std::mt19937& random) {
  const Tensor& view = tensor.view();
  const Format& format = *view.format;
  std::vector<float> scales;
  for (std::size_t row = 0; row < view.rows; ++row)
    for (const Affine& affine : random_affines(format, view.cols, random)) scales.push_back(affine.scale);
  format.round_scales(format, scales, tensor.row(0).header);
  std::vector<Affine> affines;
  for (const float scale : scales) affines.push_back({scale, 0});
  return affines;
}

std::int8_t random_between(int smallest, int largest, std::mt19937& random) {
  return static_cast<std::int8_t>(smallest +
                                  static_cast<int>((random() >> 8) % static_cast<unsigned>(largest - smallest + 1)));
}

void randomize_levels(const Format& format, std::span<std::int8_t> levels, std::mt19937& random) {
  for (std::int8_t& level : levels)
    level = format.level_values.empty() ? random_between(format.level_min, format.level_max, random)
                                        : format.level_values[(random() >> 8) % format.level_values.size()];
}

/// Scales in the unit of a block between its largest and a third of it, so that groups differ.
void pack_two_level_row(const Format& format, std::size_t cols, std::byte* out, std::mt19937& random) {
  const TwoLevelScales& range = *format.two_level;
  const std::size_t groups = format.block / format.group, block_bytes = format.row_bytes(format, format.block);
  std::vector<std::int8_t> scales(groups), mins(groups), levels(format.block);
  for (std::size_t begin = 0; begin < cols; begin += format.block, out += block_bytes) {
    for (std::int8_t& scale : scales) scale = random_between(range.scale_max / 3, range.scale_max, random);
    for (std::int8_t& min : mins) min = random_between(0, range.largest_min, random);
    randomize_levels(format, levels, random);
    const float d = 0.125f / static_cast<float>(range.scale_max), dmin = d * static_cast<float>(format.level_max);
    range.pack_block(
        {f16_to_f32(f32_to_f16(d)), f16_to_f32(f32_to_f16(dmin)), scales.data(), mins.data(), levels.data()}, out);
  }
}

template <std::size_t count>
void randomize(std::uint8_t (&values)[count], int largest, std::mt19937& random) {
  for (std::uint8_t& value : values) value = static_cast<std::uint8_t>(random_between(0, largest, random));
}

void pack_codebook_row(const Format& format, std::size_t cols, std::byte* out, std::mt19937& random) {
  const CodebookLayout& layout = *format.codebook;
  const std::size_t codewords = layout.values.size() / static_cast<std::size_t>(layout.codeword_weights);
  const int levels = std::max(-format.level_min, format.level_max);
  CodebookBlock parts;
  parts.d =
      f16_to_f32(f32_to_f16(0.125f / (layout.unit * static_cast<float>((2 * layout.largest_scale + 1) * levels))));
  for (std::size_t begin = 0; begin < cols; begin += format.block, out += format.row_bytes(format, format.block)) {
    randomize(parts.scales, layout.largest_scale, random);
    for (std::uint16_t& codeword : parts.codewords) codeword = static_cast<std::uint16_t>((random() >> 8) % codewords);
    if (layout.signs == CodebookSigns::free) randomize(parts.signs, 127, random);
    layout.pack_block(parts, out);
  }
}

/// Rows of a tensor with one scale all get the affines of the first.
void pack_levels(TensorData& tensor, std::mt19937& random) {
  const Tensor& view = tensor.view();
  const Format& format = *view.format;
  const std::size_t groups = format.groups_of_row(view.cols);
  std::vector<Affine> together;
  if (format.round_scales != nullptr) together = random_affines_together(tensor, random);
  std::vector<std::int8_t> levels(view.cols);
  std::vector<Affine> affines = random_affines(format, view.cols, random);
  for (std::size_t row = 0; row < view.rows; ++row) {
    randomize_levels(format, levels, random);
    if (!format.scale_per_tensor) affines = random_affines(format, view.cols, random);
    format.pack(format, together.empty() ? affines : std::span(together).subspan(row * groups, groups), levels,
                tensor.row(row));
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
  if (stored.two_level != nullptr) {
    for (std::size_t row = 0; row < rows; ++row) pack_two_level_row(stored, cols, tensor.row(row).row, random);
    return tensor;
  }
  if (stored.codebook != nullptr) {
    for (std::size_t row = 0; row < rows; ++row) pack_codebook_row(stored, cols, tensor.row(row).row, random);
    return tensor;
  }
  if (!stored.floating_point) {
    pack_levels(tensor, random);
    return tensor;
  }
  for (std::size_t row = 0; row < rows; ++row)
    stored.encode_reference(stored, synthetic_values(cols, static_cast<std::uint32_t>(random())), tensor.row(row));
  return tensor;
}

}  // namespace quantbench
