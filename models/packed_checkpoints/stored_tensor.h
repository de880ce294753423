// A tensor as it is written to a safetensors file, and what packers of layers need to fill one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/packed_checkpoints/layer_tensors.h"
#include "models/packed_checkpoints/packed_layer.h"

namespace quantbench {

struct StoredTensor {
  std::string name;
  std::string type;  // of safetensors files: "I32"
  StoredShape shape;
  std::vector<std::byte> bytes;  // empty while it is only announced

  /// Throws Error on overflow and for an unknown type.
  std::uint64_t size_bytes() const;
};

/// All bytes zero.
void allocate(StoredTensor& tensor);
void put_f16(StoredTensor& tensor, std::size_t index, float value);
void put_i32(StoredTensor& tensor, std::size_t index, std::int32_t value);
void put_i64(StoredTensor& tensor, std::size_t index, std::int64_t value);

/// Why the layer does not fit in a layout, as an Error: "tensor 'x': LAYOUT ..., and this one ...".
struct LayoutLimits {
  std::string_view layout;
  std::vector<int> bits;
  std::size_t rows_multiple = 1, cols_multiple = 1;
  bool act_order = false;         // it can say which group a column is of
  bool scale_per_tensor = false;  // it has a scale for all rows
  bool whole_groups = true;       // the groups have to fill the rows
};
void check_fits(const LayoutLimits& limits, const std::string& name, const PackedShape& shape);

}  // namespace quantbench
