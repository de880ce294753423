#include "models/packed_checkpoints/packed_layer.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <map>
#include <tuple>

#include "quantizers/formats/integer_rows.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

int half_of(int bits) { return 1 << (bits - 1); }

/// Weights are differences of at most 2^bits levels.
void check_scale(const std::string& place, float scale, std::size_t row, std::size_t group) {
  if (!std::isfinite(scale) || std::fabs(scale) > FLT_MAX / 512)
    fail("{}: the scale of row {}, group {} is {}, expected a finite number that weights can be made of", place, row,
         group, scale);
}

/// Scales and zero points of a row of the layer where every group of the format has its own: one group or one column.
void fill_affines(const PackedLayer& layer, std::size_t row, IntegerRow& parts) {
  const int half = half_of(layer.shape.bits);
  const std::size_t groups = layer.shape.groups();
  std::vector<float> scales(groups);
  std::vector<std::int8_t> zeros(groups);
  for (std::size_t group = 0; group < groups; ++group) {
    scales[group] = layer.scale(row, group);
    check_scale(layer.place, scales[group], row, group);
    zeros[group] = checked_cast<std::int8_t>(layer.zero(row, group) - half, "zero point");
  }
  if (!layer.shape.act_order) {
    parts.scales = std::move(scales);
    parts.zeros = std::move(zeros);
    return;
  }
  for (std::size_t column = 0; column < layer.shape.cols; ++column) {
    parts.scales[column] = scales[layer.group_of(column)];
    parts.zeros[column] = zeros[layer.group_of(column)];
  }
}

/// Columns with the same scales and zero points in all rows get the same number, in the order in which they first appear.
std::vector<std::uint32_t> classes_of_columns(const Tensor& tensor) {
  std::vector<std::uint32_t> classes(tensor.cols, 0);
  IntegerRow parts;
  for (std::size_t row = 0; row < tensor.rows; ++row) {
    read_integer_row(tensor, row, parts);
    std::map<std::tuple<std::uint32_t, float, std::int8_t>, std::uint32_t> finer;
    for (std::size_t column = 0; column < tensor.cols; ++column) {
      const auto key = std::tuple(classes[column], parts.scales[column], parts.zeros[column]);
      classes[column] = finer.emplace(key, static_cast<std::uint32_t>(finer.size())).first->second;
    }
  }
  return classes;
}

/// Columns of a group, if all groups but one are of one size and that one is not larger.
std::size_t common_group_size(const std::string& name, const std::vector<std::uint32_t>& classes) {
  std::vector<std::size_t> sizes(*std::ranges::max_element(classes) + 1u);
  for (const std::uint32_t group : classes) ++sizes[group];
  const std::size_t largest = *std::ranges::max_element(sizes);
  if (std::ranges::count_if(sizes, [&](std::size_t size) { return size != largest; }) > 1)
    fail(
        "tensor '{}': its columns form {} groups with a scale in common, of unequal sizes (the largest has {} columns)",
        name, sizes.size(), largest);
  return largest;
}

/// The group that is not full has to be the last one.
void move_smallest_last(std::vector<std::uint32_t>& classes, std::size_t group) {
  const auto last = static_cast<std::uint32_t>(divide_up(classes.size(), group) - 1);
  for (std::uint32_t candidate = 0; candidate < last; ++candidate) {
    if (static_cast<std::size_t>(std::ranges::count(classes, candidate)) == group) continue;
    for (std::uint32_t& each : classes) each = each == candidate ? last : each == last ? candidate : each;
    return;
  }
}

/// A format with groups of one column: where columns share scales, they are groups of a layer with act-order.
void find_scattered_groups(const Tensor& tensor, PackedLayer& layer) {
  std::vector<std::uint32_t> classes = classes_of_columns(tensor);
  const std::size_t group = common_group_size(tensor.name, classes);
  if (group == 1) return;
  move_smallest_last(classes, group);
  layer.shape.group = group;
  layer.shape.act_order = true;
  layer.group_of_column = std::move(classes);
}

/// Rows are taken apart once for all that is asked about them.
class RowReader {
 public:
  explicit RowReader(Tensor tensor) : tensor_(std::move(tensor)) {}
  const IntegerRow& row(std::size_t index) {
    if (index != held_) read_integer_row(tensor_, index, parts_);
    held_ = index;
    return parts_;
  }

 private:
  Tensor tensor_;
  std::size_t held_ = SIZE_MAX;
  IntegerRow parts_;
};

/// The group of the format in which the scale of a group of the layer is found.
std::vector<std::size_t> places_of_groups(const PackedLayer& layer) {
  std::vector<std::size_t> places(layer.shape.groups());
  for (std::size_t group = 0; group < places.size(); ++group) places[group] = group;
  for (std::size_t column = layer.group_of_column.size(); column-- > 0;) places[layer.group_of(column)] = column;
  return places;
}

}  // namespace

std::shared_ptr<const Format> format_of(const PackedShape& shape, int largest_zero) {
  const int bits = largest_zero > (1 << shape.bits) - 1 ? shape.bits + 1 : shape.bits;
  if (bits < 2 || bits > 8)
    fail("codes of {} bits with zero points up to {}: no integer format here holds them (2 to 8 bits)", shape.bits,
         largest_zero);
  std::string id = fmt::format("int{}:", bits);
  if (shape.act_order)
    id += "g1";
  else if (shape.scale_per_tensor)
    id += "tensor";
  else
    id += shape.group == 0 ? "row" : fmt::format("g{}", shape.group);
  if (shape.symmetric) id += ":sym";
  if (shape.scale_type != "F16") id += ":scale=f32";
  return find_format(id);
}

TensorData tensor_of(const PackedLayer& layer, const std::string& name, std::shared_ptr<const Format> format) {
  const PackedShape& shape = layer.shape;
  const int half = half_of(shape.bits);
  TensorData tensor(name, shape.rows, shape.cols, std::move(format));
  IntegerRow parts;
  parts.levels.resize(shape.cols);
  parts.scales.resize(tensor.view().format->groups_of_row(shape.cols));
  parts.zeros.resize(parts.scales.size());
  std::vector<std::uint8_t> codes(shape.cols);
  for (std::size_t row = 0; row < shape.rows; ++row) {
    layer.read_codes(row, codes);
    for (std::size_t column = 0; column < shape.cols; ++column)
      parts.levels[column] = static_cast<std::int8_t>(codes[column] - half);
    fill_affines(layer, row, parts);
    write_integer_row(parts, row, tensor);
  }
  return tensor;
}

PackedShape shape_of(const std::string& name, const Format& format, std::size_t rows, std::size_t cols) {
  const auto kind = integer_kind(format);
  if (!kind)
    fail("tensor '{}' is of format {}, and only the integer formats int2 to int8 can be packed", name, format.id);
  return {.rows = rows,
          .cols = cols,
          .bits = kind->bits,
          .group = format.group,
          .scale_per_tensor = format.scale_per_tensor,
          .symmetric = kind->symmetric,
          .scale_type = kind->f32_scales ? "F32" : "F16"};
}

PackedLayer layer_of(const Tensor& tensor) {
  PackedLayer layer;
  layer.place = fmt::format("tensor '{}'", tensor.name);
  layer.shape = shape_of(tensor.name, *tensor.format, tensor.rows, tensor.cols);
  if (layer.shape.group == 1 && tensor.weights() > 0) find_scattered_groups(tensor, layer);
  const int half = half_of(layer.shape.bits);
  const auto reader = std::make_shared<RowReader>(tensor);
  const auto places = std::make_shared<const std::vector<std::size_t>>(places_of_groups(layer));
  layer.read_codes = [reader, half](std::size_t row, std::span<std::uint8_t> codes) {
    std::ranges::transform(reader->row(row).levels, codes.begin(),
                           [half](std::int8_t level) { return static_cast<std::uint8_t>(level + half); });
  };
  layer.scale = [reader, places](std::size_t row, std::size_t group) {
    return reader->row(row).scales[(*places)[group]];
  };
  layer.zero = [reader, places, half](std::size_t row, std::size_t group) {
    return reader->row(row).zeros[(*places)[group]] + half;
  };
  return layer;
}

}  // namespace quantbench
