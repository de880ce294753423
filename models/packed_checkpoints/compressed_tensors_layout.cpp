#include "models/packed_checkpoints/compressed_tensors_layout.h"

#include <algorithm>

namespace quantbench {
namespace {

StoredShape scale_shape(const PackedShape& shape) {
  if (shape.scale_per_tensor) return {1};
  return {shape.rows, shape.groups()};
}

PackedShape read_shape(const LayerTensors& tensors, const LayerScheme& scheme) {
  const CheckpointTensor& stored = tensors.at("weight_shape", {"I64", "I32"});
  tensors.check_shape(stored, {2}, "outputs and inputs");
  const std::int64_t rows = integer_at(stored, 0), cols = integer_at(stored, 1);
  if (rows <= 0 || cols <= 0) tensors.fail_at("weight_shape", "{} x {}, expected positive numbers", rows, cols);
  return {.rows = static_cast<std::size_t>(rows),
          .cols = static_cast<std::size_t>(cols),
          .bits = scheme.bits,
          .group = scheme.group,
          .scale_per_tensor = scheme.scale_per_tensor};
}

/// Whether the packings put some of `codes` codes at different places.
bool packings_differ(int bits, std::size_t codes) {
  return 32 % bits != 0 && codes > static_cast<std::size_t>(32 / bits);
}

void find_packing(const LayerTensors& tensors, const CheckpointTensor& packed, CompressedTensorsLayer& found) {
  const PackedShape& shape = found.layer.shape;
  const std::size_t dense = CodeLayout{shape.bits}.words(shape.cols);
  const std::size_t whole = CodeLayout{shape.bits, CodePacking::whole_codes}.words(shape.cols);
  if (stored_shape(packed) == StoredShape{shape.rows, dense}) {
    found.ambiguous_packing = dense == whole && packings_differ(shape.bits, shape.cols);
    return;
  }
  tensors.check_shape(packed, {shape.rows, whole},
                      fmt::format("weight_shape says {} x {}, {} bits; {} words a row where they are packed densely",
                                  shape.rows, shape.cols, shape.bits, dense));
  found.packing = CodePacking::whole_codes;
}

/// Signed numbers, one by one.
std::function<int(std::size_t, std::size_t)> plain_zeros(const LayerTensors& tensors, const CheckpointTensor& zeros,
                                                         const PackedShape& shape) {
  tensors.check_shape(zeros, scale_shape(shape), "as weight_scale");
  const std::size_t stride = shape.scale_per_tensor ? 0 : shape.groups();
  return [place = tensors.place(), zeros, stride, half = 1 << (shape.bits - 1)](std::size_t row, std::size_t group) {
    const int zero = static_cast<int>(integer_at(zeros, row * stride + group));
    if (zero < -half || zero >= half)
      fail("{}: zero point {} of row {}, group {}, expected {} .. {}", place, zero, row, group, -half, half - 1);
    return zero + half;
  };
}

std::function<int(std::size_t, std::size_t)> zeros_of(const LayerTensors& tensors,
                                                      const CompressedTensorsLayer& found) {
  const PackedShape& shape = found.layer.shape;
  const CheckpointTensor& zeros = tensors.at("weight_zero_point", {"I32", "I8"});
  if (zeros.type_name == "I8") return plain_zeros(tensors, zeros, shape);
  if (shape.scale_per_tensor) tensors.fail_at("weight_zero_point", "type I32, expected I8 for a whole tensor");
  const CodeLayout layout{.bits = shape.bits, .packing = found.packing};
  const std::size_t groups = shape.groups();
  tensors.check_shape(zeros, {layout.words(shape.rows), groups}, "words for the outputs, groups");
  return [zeros, layout, groups](std::size_t row, std::size_t group) {
    const CodeLine<const std::byte> line{zeros.bytes.data() + group * layout.word_bytes, groups * layout.word_bytes,
                                         layout};
    return static_cast<int>(line.at(row));
  };
}

/// Writers leave -1 everywhere where the groups are not ordered.
bool is_filled(const CheckpointTensor& g_idx) {
  for (std::size_t index = 0; index < g_idx.row_length(); ++index)
    if (integer_at(g_idx, index) != -1) return true;
  return false;
}

/// Scales and zero points of a row.
void put_affines(const PackedLayer& layer, std::size_t row, const CodeLayout& layout,
                 std::vector<StoredTensor>& tensors) {
  const std::size_t groups = layer.shape.groups();
  for (std::size_t group = 0; group < groups; ++group) {
    put_f16(tensors[1], row * groups + group, layer.scale(row, group));
    if (layer.shape.symmetric) continue;
    const int zero = layer.zero(row, group);
    std::vector<std::byte>& zeros = tensors[3].bytes;
    if (layer.shape.scale_per_tensor)
      zeros[0] = static_cast<std::byte>(zero - (1 << (layer.shape.bits - 1)));
    else
      CodeLine<std::byte>{zeros.data() + group * layout.word_bytes, groups * layout.word_bytes, layout}.put(
          row, static_cast<unsigned>(zero));
  }
}

}  // namespace

CompressedTensorsLayer open_compressed_tensors_layer(const LayerTensors& tensors, const LayerScheme& scheme) {
  const CheckpointTensor& packed = tensors.at("weight_packed", {"I32"});
  const CheckpointTensor& scales = tensors.at("weight_scale", {"F16", "BF16", "F32"});
  CompressedTensorsLayer found;
  PackedLayer& layer = found.layer;
  layer.place = tensors.place();
  layer.shape = read_shape(tensors, scheme);
  layer.shape.scale_type = scales.type_name;
  find_packing(tensors, packed, found);
  tensors.check_shape(scales, scale_shape(layer.shape), "outputs and groups of weight_shape");
  if (const CheckpointTensor* const g_idx = tensors.find("weight_g_idx", {"I32", "I64"}))
    if (is_filled(*g_idx)) layer.group_of_column = read_group_index(tensors, *g_idx, layer.shape);
  layer.shape.act_order = !layer.group_of_column.empty();
  const CodeLayout layout{.bits = scheme.bits, .packing = found.packing};
  layer.read_codes = [packed, layout](std::size_t row, std::span<std::uint8_t> codes) {
    const std::size_t row_bytes = packed.row_length() * layout.word_bytes;
    const CodeLine<const std::byte> line{packed.bytes.data() + row * row_bytes, layout.word_bytes, layout};
    for (std::size_t column = 0; column < codes.size(); ++column)
      codes[column] = static_cast<std::uint8_t>(line.at(column));
  };
  const bool has_zeros = tensors.find("weight_zero_point", {"I32", "I8"}) != nullptr;
  if (scheme.symmetric && *scheme.symmetric == has_zeros)
    tensors.fail_at("weight_zero_point", "{}, and the configuration says symmetric = {}",
                    has_zeros ? "present" : "missing", *scheme.symmetric);
  const std::size_t stride = layer.shape.scale_per_tensor ? 0 : layer.shape.groups();
  layer.scale = [scales, stride](std::size_t row, std::size_t group) { return float_at(scales, row * stride + group); };
  if (has_zeros)
    layer.zero = zeros_of(tensors, found);
  else
    layer.zero = [half = 1 << (scheme.bits - 1)](std::size_t, std::size_t) { return half; };
  return found;
}

std::vector<StoredTensor> compressed_tensors_tensors(const std::string& prefix, const PackedShape& shape) {
  check_fits({.layout = "a compressed-tensors checkpoint",
              .bits = {2, 3, 4, 5, 6, 7, 8},
              .act_order = true,
              .scale_per_tensor = true},
             prefix, shape);
  const CodeLayout layout{.bits = shape.bits};
  std::vector<StoredTensor> tensors = {{prefix + ".weight_packed", "I32", {shape.rows, layout.words(shape.cols)}, {}},
                                       {prefix + ".weight_scale", "F16", scale_shape(shape), {}},
                                       {prefix + ".weight_shape", "I64", {2}, {}}};
  if (!shape.symmetric && shape.scale_per_tensor)
    tensors.push_back({prefix + ".weight_zero_point", "I8", {1}, {}});
  else if (!shape.symmetric)
    tensors.push_back({prefix + ".weight_zero_point", "I32", {layout.words(shape.rows), shape.groups()}, {}});
  if (shape.act_order) tensors.push_back({prefix + ".weight_g_idx", "I32", {shape.cols}, {}});
  return tensors;
}

std::vector<StoredTensor> pack_compressed_tensors_layer(const std::string& prefix, const PackedLayer& layer) {
  const PackedShape& shape = layer.shape;
  std::vector<StoredTensor> tensors = compressed_tensors_tensors(prefix, shape);
  std::ranges::for_each(tensors, allocate);
  put_i64(tensors[2], 0, static_cast<std::int64_t>(shape.rows));
  put_i64(tensors[2], 1, static_cast<std::int64_t>(shape.cols));
  const CodeLayout layout{.bits = shape.bits};
  const std::size_t row_bytes = layout.words(shape.cols) * layout.word_bytes;
  std::vector<std::uint8_t> codes(shape.cols);
  for (std::size_t row = 0; row < shape.rows; ++row) {
    layer.read_codes(row, codes);
    const CodeLine<std::byte> line{tensors[0].bytes.data() + row * row_bytes, layout.word_bytes, layout};
    for (std::size_t column = 0; column < shape.cols; ++column) line.put(column, codes[column]);
    if (!shape.scale_per_tensor || row == 0) put_affines(layer, row, layout, tensors);
  }
  if (shape.act_order)
    for (std::size_t column = 0; column < shape.cols; ++column)
      put_i32(tensors.back(), column, static_cast<std::int32_t>(layer.group_of(column)));
  return tensors;
}

}  // namespace quantbench
