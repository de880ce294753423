#include "models/packed_checkpoints/gptq_layout.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "models/packed_checkpoints/code_line.h"

namespace quantbench {
namespace {

constexpr std::array known_bits = {2, 3, 4, 8};

std::size_t word_bytes_of(const CheckpointTensor& words) {
  if (words.type_name == "I8") return 1;
  if (words.type_name == "I16") return 2;
  return words.type_name == "I32" ? 4 : 8;
}

PackedShape read_shape(const LayerTensors& tensors, const LayerScheme& scheme, const CheckpointTensor& qweight) {
  if (std::ranges::find(known_bits, scheme.bits) == known_bits.end())
    tensors.fail_at(
        "qweight",
        "codes of {} bits, which GPTQ programs store in planes (gptq_p); read are {} bits: save the model again "
        "with one of these, or quantize the original model here",
        scheme.bits, fmt::join(known_bits, ", "));
  const StoredShape words = tensors.matrix_shape(qweight);
  const std::uint64_t bits = checked_multiply<std::uint64_t>(words[0], 8 * word_bytes_of(qweight));
  if (bits % static_cast<unsigned>(scheme.bits) != 0)
    tensors.fail_at("qweight", "{} words a column do not hold whole codes of {} bits", words[0], scheme.bits);
  return {
      .rows = words[1], .cols = bits / static_cast<unsigned>(scheme.bits), .bits = scheme.bits, .group = scheme.group};
}

/// Columns of each group.
void check_group_sizes(const LayerTensors& tensors, const std::vector<std::uint32_t>& groups,
                       const PackedShape& shape) {
  std::vector<std::size_t> sizes(shape.groups());
  for (const std::uint32_t group : groups) ++sizes[group];
  const std::size_t whole = shape.group == 0 ? shape.cols : shape.group;
  for (std::size_t group = 0; group < sizes.size(); ++group) {
    const std::size_t expected = std::min(whole, shape.cols - group * whole);
    if (sizes[group] != expected)
      tensors.fail_at("g_idx", "group {} has {} columns, expected {}", group, sizes[group], expected);
  }
}

CodeLayout layout_of(const PackedShape& shape) { return {.bits = shape.bits}; }

}  // namespace

std::vector<std::uint32_t> read_group_index(const LayerTensors& tensors, const CheckpointTensor& g_idx,
                                            const PackedShape& shape) {
  tensors.check_shape(g_idx, {shape.cols}, "a group for each input");
  const std::size_t groups = shape.groups();
  std::vector<std::uint32_t> found(shape.cols);
  bool contiguous = true;
  for (std::size_t column = 0; column < shape.cols; ++column) {
    const std::int64_t group = integer_at(g_idx, column);
    if (group < 0 || static_cast<std::uint64_t>(group) >= groups)
      fail("{}: tensor '{}': element {} is {}, expected a group of 0 .. {}", tensors.source(), g_idx.name, column,
           group, groups - 1);
    found[column] = static_cast<std::uint32_t>(group);
    contiguous = contiguous && found[column] == (shape.group == 0 ? 0 : column / shape.group);
  }
  if (contiguous) return {};
  check_group_sizes(tensors, found, shape);
  return found;
}

PackedLayer open_gptq_layer(const LayerTensors& tensors, const LayerScheme& scheme) {
  const CheckpointTensor& qweight = tensors.at("qweight", {"I32", "I8", "I16", "I64"});
  const CheckpointTensor& scales = tensors.at("scales", {"F16", "BF16", "F32"});
  const std::size_t word_bytes = word_bytes_of(qweight);
  const CheckpointTensor& qzeros = tensors.at("qzeros", {std::string_view(qweight.type_name)});
  PackedLayer layer;
  layer.place = tensors.place();
  layer.shape = read_shape(tensors, scheme, qweight);
  layer.shape.scale_type = scales.type_name;
  const CodeLayout layout{.bits = scheme.bits, .word_bytes = word_bytes};
  const std::size_t rows = layer.shape.rows, zero_words = layout.words(rows);
  tensors.check_shape(scales, {layer.shape.groups(), rows}, "groups of the inputs of qweight, its outputs");
  tensors.check_shape(qzeros, {layer.shape.groups(), zero_words},
                      "groups of the inputs of qweight, words for its outputs");
  if (const CheckpointTensor* const g_idx = tensors.find("g_idx", {"I32", "I64"}))
    layer.group_of_column = read_group_index(tensors, *g_idx, layer.shape);
  layer.shape.act_order = !layer.group_of_column.empty();
  layer.read_codes = [words = qweight.bytes, layout, rows](std::size_t row, std::span<std::uint8_t> codes) {
    const CodeLine<const std::byte> line{words.data() + row * layout.word_bytes, rows * layout.word_bytes, layout};
    for (std::size_t column = 0; column < codes.size(); ++column)
      codes[column] = static_cast<std::uint8_t>(line.at(column));
  };
  layer.scale = [scales, rows](std::size_t row, std::size_t group) { return float_at(scales, group * rows + row); };
  layer.zero = [words = qzeros.bytes, layout, zero_words](std::size_t row, std::size_t group) {
    const CodeLine<const std::byte> line{words.data() + group * zero_words * layout.word_bytes, layout.word_bytes,
                                         layout};
    return static_cast<int>(line.at(row));
  };
  return layer;
}

std::vector<StoredTensor> gptq_tensors(const std::string& prefix, const PackedShape& shape) {
  const LayoutLimits limits{
      .layout = "a GPTQ checkpoint",
      .bits = {known_bits.begin(), known_bits.end()},
      .rows_multiple = shape.bits == 3 ? 32u : 32u / static_cast<unsigned>(std::max(shape.bits, 1)),
      .cols_multiple = 32,
      .act_order = true,
      .whole_groups = false};
  check_fits(limits, prefix, shape);
  const CodeLayout layout = layout_of(shape);
  return {{prefix + ".qweight", "I32", {layout.words(shape.cols), shape.rows}, {}},
          {prefix + ".qzeros", "I32", {shape.groups(), layout.words(shape.rows)}, {}},
          {prefix + ".scales", "F16", {shape.groups(), shape.rows}, {}},
          {prefix + ".g_idx", "I32", {shape.cols}, {}}};
}

std::vector<StoredTensor> pack_gptq_layer(const std::string& prefix, const PackedLayer& layer, GptqVersion version) {
  const PackedShape& shape = layer.shape;
  std::vector<StoredTensor> tensors = gptq_tensors(prefix, shape);
  std::ranges::for_each(tensors, allocate);
  StoredTensor &qweight = tensors[0], &qzeros = tensors[1], &scales = tensors[2], &g_idx = tensors[3];
  const CodeLayout layout = layout_of(shape);
  const std::size_t zero_stride = layout.words(shape.rows) * layout.word_bytes;
  const unsigned less = version == GptqVersion::v1 ? 1 : 0;
  std::vector<std::uint8_t> codes(shape.cols);
  for (std::size_t row = 0; row < shape.rows; ++row) {
    layer.read_codes(row, codes);
    const CodeLine<std::byte> line{qweight.bytes.data() + row * layout.word_bytes, shape.rows * layout.word_bytes,
                                   layout};
    for (std::size_t column = 0; column < shape.cols; ++column) line.put(column, codes[column]);
    for (std::size_t group = 0; group < shape.groups(); ++group) {
      const CodeLine<std::byte> zeros{qzeros.bytes.data() + group * zero_stride, layout.word_bytes, layout};
      zeros.put(row, static_cast<unsigned>(layer.zero(row, group)) - less);
      put_f16(scales, group * shape.rows + row, layer.scale(row, group));
    }
  }
  for (std::size_t column = 0; column < shape.cols; ++column)
    put_i32(g_idx, column, static_cast<std::int32_t>(layer.group_of(column)));
  return tensors;
}

}  // namespace quantbench
