// What the configuration of a checkpoint says about how the weights of a layer are quantized.
#pragma once

#include <cstddef>
#include <optional>

namespace quantbench {

struct LayerScheme {
  int bits = 0;
  std::size_t group = 0;               // columns that share a scale; 0: all of a row
  bool scale_per_tensor = false;       // one scale for all rows, too
  std::optional<bool> symmetric = {};  // where it says so; the zero points that are stored decide

  bool operator==(const LayerScheme&) const = default;
};

}  // namespace quantbench
