#include "models/packed_checkpoints/awq_layout.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/packed_checkpoints/code_line.h"

namespace quantbench {
namespace {

constexpr CodeLayout nibbles{.bits = 4};
constexpr std::size_t nibbles_per_word = 8;
/// Of the output with this number modulo 8: the inverse of {0, 2, 4, 6, 1, 3, 5, 7}.
constexpr std::array<std::size_t, 8> nibble_of_output = {0, 4, 1, 5, 2, 6, 3, 7};

std::size_t interleaved(std::size_t row) { return row / 8 * 8 + nibble_of_output[row % 8]; }

/// A line of nibbles at the start of row `index` of a matrix of words.
CodeLine<const std::byte> words_of_row(const CheckpointTensor& words, std::size_t index) {
  return {words.bytes.data() + index * words.row_length() * nibbles.word_bytes, nibbles.word_bytes, nibbles};
}

/// For other readers the group is all of a row; here it has to be a number.
std::size_t group_columns(const PackedShape& shape) { return shape.group == 0 ? shape.cols : shape.group; }

PackedLayer open_gemm(const LayerTensors& tensors, const LayerScheme& scheme) {
  const CheckpointTensor& qweight = tensors.at("qweight", {"I32"});
  const CheckpointTensor& qzeros = tensors.at("qzeros", {"I32"});
  const CheckpointTensor& scales = tensors.at("scales", {"F16", "BF16", "F32"});
  const StoredShape words = tensors.matrix_shape(qweight);
  PackedLayer layer;
  layer.place = tensors.place();
  const std::size_t rows = checked_multiply(words[1], nibbles_per_word);
  layer.shape = {.rows = rows, .cols = words[0], .bits = 4, .group = scheme.group, .scale_type = scales.type_name};
  tensors.check_shape(qzeros, {layer.shape.groups(), words[1]},
                      "groups of the inputs of qweight, words for its outputs");
  tensors.check_shape(scales, {layer.shape.groups(), rows}, "groups of the inputs of qweight, its outputs");
  layer.read_codes = [qweight](std::size_t row, std::span<std::uint8_t> codes) {
    for (std::size_t column = 0; column < codes.size(); ++column)
      codes[column] = static_cast<std::uint8_t>(words_of_row(qweight, column).at(interleaved(row)));
  };
  layer.scale = [scales, rows](std::size_t row, std::size_t group) { return float_at(scales, group * rows + row); };
  layer.zero = [qzeros](std::size_t row, std::size_t group) {
    return static_cast<int>(words_of_row(qzeros, group).at(interleaved(row)));
  };
  return layer;
}

/// Words of zero points a row, so many that kernels can load them together.
std::size_t padded_zero_words(const LayerTensors& tensors, const PackedShape& shape) {
  const std::size_t group = group_columns(shape);
  const std::size_t together = group >= 128 ? 1 : group == 64 ? 2 : group == 32 ? 4 : 0;
  if (together == 0 || shape.cols % group != 0)
    tensors.fail_at("qweight",
                    "groups of {} in rows of {}; this layout has groups of 32, 64, 128 or more that fill the rows",
                    group, shape.cols);
  return checked_align_up(divide_up(shape.groups(), nibbles_per_word), together);
}

PackedLayer open_gemv(const LayerTensors& tensors, const LayerScheme& scheme) {
  const CheckpointTensor& qweight = tensors.at("qweight", {"I32"});
  const CheckpointTensor& qzeros = tensors.at("qzeros", {"I32"});
  const CheckpointTensor& scales = tensors.at("scales", {"F16", "BF16", "F32"});
  const StoredShape words = tensors.matrix_shape(qweight);
  PackedLayer layer;
  layer.place = tensors.place();
  layer.shape = {.rows = words[0],
                 .cols = checked_multiply(words[1], nibbles_per_word),
                 .bits = 4,
                 .group = scheme.group,
                 .scale_type = scales.type_name};
  const std::size_t zero_words = padded_zero_words(tensors, layer.shape);
  tensors.check_shape(qzeros, {words[0], zero_words}, "outputs, padded groups");
  tensors.check_shape(scales, {words[0], zero_words * nibbles_per_word}, "outputs, padded groups");
  layer.read_codes = [qweight](std::size_t row, std::span<std::uint8_t> codes) {
    const CodeLine<const std::byte> line = words_of_row(qweight, row);
    for (std::size_t column = 0; column < codes.size(); ++column)
      codes[column] = static_cast<std::uint8_t>(line.at(column));
  };
  layer.scale = [scales, stride = zero_words * nibbles_per_word](std::size_t row, std::size_t group) {
    return float_at(scales, row * stride + group);
  };
  layer.zero = [qzeros](std::size_t row, std::size_t group) {
    return static_cast<int>(words_of_row(qzeros, row).at(group));
  };
  return layer;
}

/// The zero point of a scaled one, -scale * zero rounded to f16. Throws Error when there is none.
int whole_zero(const std::string& place, float scale, float scaled_zero, std::size_t row, std::size_t group) {
  constexpr float rounding = 0x1p-6f;  // 15 * 2^-11 is the most that f16 makes of it
  const float zero = scale == 0 ? 8 : -scaled_zero / scale, nearest = std::nearbyint(zero);
  if (!(nearest >= 0 && nearest <= 15) || std::fabs(zero - nearest) > rounding)
    fail("{}: row {}, group {} has scale {} and scaled zero {}, expected a whole zero point of 0 .. 15", place, row,
         group, scale, scaled_zero);
  return static_cast<int>(nearest);
}

PackedLayer open_gemv_fast(const LayerTensors& tensors, const LayerScheme& scheme) {
  const CheckpointTensor& qweight = tensors.at("qweight", {"I16"});
  const CheckpointTensor& scales = tensors.at("scales", {"F16"});
  const CheckpointTensor* const named_scaled = tensors.find("scaled_zeros", {"F16"});
  const CheckpointTensor& zeros = named_scaled != nullptr ? *named_scaled : tensors.at("qzeros", {"F16"});
  const StoredShape words = tensors.matrix_shape(qweight);
  PackedLayer layer;
  layer.place = tensors.place();
  layer.shape = {
      .rows = checked_multiply<std::size_t>(words[0], 4), .cols = words[1], .bits = 4, .group = scheme.group};
  if (words[1] % 64 != 0) tensors.fail_at("qweight", "{} columns, expected a multiple of 64", words[1]);
  const std::size_t rows = layer.shape.rows;
  const StoredShape padded = {padded_zero_words(tensors, layer.shape) * nibbles_per_word, rows};
  tensors.check_shape(scales, padded, "padded groups, outputs");
  tensors.check_shape(zeros, padded, "padded groups, outputs");
  layer.read_codes = [qweight, cols = words[1]](std::size_t row, std::span<std::uint8_t> codes) {
    const CodeLine<const std::byte> line{qweight.bytes.data() + row / 4 * cols * 2, 2, {.bits = 4, .word_bytes = 2}};
    for (std::size_t column = 0; column < codes.size(); ++column) {
      const std::size_t word = column / 64 * 64 + row % 4 * 16 + column / 32 % 2 * 8 + column % 8;
      codes[column] = static_cast<std::uint8_t>(line.at(4 * word + column % 32 / 8));
    }
  };
  layer.scale = [scales, rows](std::size_t row, std::size_t group) { return float_at(scales, group * rows + row); };
  layer.zero = [place = layer.place, scale = layer.scale, zeros, rows](std::size_t row, std::size_t group) {
    return whole_zero(place, scale(row, group), float_at(zeros, group * rows + row), row, group);
  };
  return layer;
}

}  // namespace

PackedLayer open_awq_layer(const LayerTensors& tensors, const LayerScheme& scheme, AwqVersion version) {
  if (scheme.bits != 4) tensors.fail_at("qweight", "{} bits, and AWQ layouts hold codes of 4 bits", scheme.bits);
  switch (version) {
    case AwqVersion::gemv:
      return open_gemv(tensors, scheme);
    case AwqVersion::gemv_fast:
      return open_gemv_fast(tensors, scheme);
    case AwqVersion::gemm:
      break;
  }
  return open_gemm(tensors, scheme);
}

std::vector<StoredTensor> awq_tensors(const std::string& prefix, const PackedShape& shape) {
  check_fits({.layout = "an AWQ checkpoint", .bits = {4}, .rows_multiple = 8}, prefix, shape);
  const std::size_t words = shape.rows / nibbles_per_word;
  return {{prefix + ".qweight", "I32", {shape.cols, words}, {}},
          {prefix + ".qzeros", "I32", {shape.groups(), words}, {}},
          {prefix + ".scales", "F16", {shape.groups(), shape.rows}, {}}};
}

std::vector<StoredTensor> pack_awq_layer(const std::string& prefix, const PackedLayer& layer) {
  const PackedShape& shape = layer.shape;
  std::vector<StoredTensor> tensors = awq_tensors(prefix, shape);
  std::ranges::for_each(tensors, allocate);
  StoredTensor &qweight = tensors[0], &qzeros = tensors[1], &scales = tensors[2];
  const std::size_t stride = shape.rows / nibbles_per_word * nibbles.word_bytes;
  const auto put = [stride](StoredTensor& words, std::size_t index, std::size_t row, unsigned code) {
    const CodeLine<std::byte> line{words.bytes.data() + index * stride, nibbles.word_bytes, nibbles};
    line.put(interleaved(row), code);
  };
  std::vector<std::uint8_t> codes(shape.cols);
  for (std::size_t row = 0; row < shape.rows; ++row) {
    layer.read_codes(row, codes);
    for (std::size_t column = 0; column < shape.cols; ++column) put(qweight, column, row, codes[column]);
    for (std::size_t group = 0; group < shape.groups(); ++group) {
      put(qzeros, group, row, static_cast<unsigned>(layer.zero(row, group)));
      put_f16(scales, group * shape.rows + row, layer.scale(row, group));
    }
  }
  return tensors;
}

}  // namespace quantbench
