// The parts of rows in the integer formats (integer.h): levels, scales and zero points as numbers, for files of other
// programs that store the same parts in another order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace quantbench {

struct IntegerKind {
  int bits = 0;
  bool symmetric = false;
  bool f32_scales = false;
};

/// Nothing for formats other than int2 .. int8.
std::optional<IntegerKind> integer_kind(const Format& format);

/// weight = scale * (level - zero), level and zero in -2^(bits-1) .. 2^(bits-1)-1
struct IntegerRow {
  std::vector<std::int8_t> levels;  // (cols)
  std::vector<float> scales;        // (groups)
  std::vector<std::int8_t> zeros;   // (groups) 0 in symmetric formats, and where the scale is 0
};

/// The tensor's format is an integer format.
void read_integer_row(const Tensor& tensor, std::size_t row, IntegerRow& out);

/// Stores the row as it is: scales are values of the format's scale type, finite with all products with level - zero.
/// Symmetric formats ignore zeros. The one scale of a whole tensor is that of row 0.
void write_integer_row(const IntegerRow& parts, std::size_t row, TensorData& tensor);

}  // namespace quantbench
