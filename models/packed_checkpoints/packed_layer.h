// The weights of one linear layer as the layouts of other programs hold them: codes, scales and zero points.
//
//     weight[row][column] = scale[row][group] * (code[row][column] - zero[row][group])        group = that of the column
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/checked.h"
#include "core/tensor.h"

namespace quantbench {

struct PackedShape {
  std::size_t rows = 0, cols = 0;  // outputs, inputs
  int bits = 0;
  std::size_t group = 0;          // columns that share a scale; 0: all of a row
  bool scale_per_tensor = false;  // one scale for all rows, too
  bool symmetric = false;         // every zero point is 2^(bits-1)
  bool act_order = false;         // the columns of a group need not lie next to each other
  std::string scale_type = "F16";

  std::size_t groups() const { return group == 0 ? 1 : divide_up(cols, group); }
};

/// Reads from somewhere else: mapped files, or a Tensor.
struct PackedLayer {
  std::string place;  // for messages: file and layer
  PackedShape shape;
  std::vector<std::uint32_t> group_of_column;  // (cols) with act-order; else empty: column / group
  /// codes: (cols), 0 .. 2^bits-1
  std::function<void(std::size_t row, std::span<std::uint8_t> codes)> read_codes;
  std::function<float(std::size_t row, std::size_t group)> scale;
  /// 0 .. 2^bits-1, or 2^bits for readers of v1 files that do not wrap
  std::function<int(std::size_t row, std::size_t group)> zero;

  std::size_t group_of(std::size_t column) const {
    if (!group_of_column.empty()) return group_of_column[column];
    return shape.group == 0 ? 0 : column / shape.group;
  }
};

/// The integer format that holds such a layer exactly: the same levels, scales and zero points. With act-order the columns of
/// a group are scattered, and each weight has its scale beside it (group 1). `largest_zero` is that of all groups: 2^bits
/// needs a format of one bit more. Throws Error when there is none.
std::shared_ptr<const Format> format_of(const PackedShape& shape, int largest_zero);

/// Throws Error naming place, row and group of a scale that is not finite or too large for finite weights.
TensorData tensor_of(const PackedLayer& layer, const std::string& name, std::shared_ptr<const Format> format);

/// What can be said of a layer from its format alone: act_order is false. Throws Error unless it is an integer format.
PackedShape shape_of(const std::string& name, const Format& format, std::size_t rows, std::size_t cols);

/// The parts of a tensor in an integer format, which outlives the result unless it owns its bytes. Columns of a format with
/// groups of 1 are put into groups again where equal ones can be formed. Throws Error.
PackedLayer layer_of(const Tensor& tensor);

}  // namespace quantbench
