// What tests of products in integers compare with.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cpu/int8_kernels.h"
#include "quantizers/formats/registry.h"

namespace quantbench {

inline std::vector<std::shared_ptr<const Format>> formats_with_codes() {
  std::vector<std::shared_ptr<const Format>> found;
  for (const std::string& id : format_ids())
    if (const auto format = find_format(id); has_int8_kernels(*format)) found.push_back(format);
  return found;
}

/// A row whose levels are all the same, in a format that packs levels: of one group at least, and 256 weights.
inline TensorData row_of_level(const std::shared_ptr<const Format>& format, int level) {
  const std::size_t cols = std::max<std::size_t>(256, format->block);
  TensorData tensor("w", 1, cols, format);
  const std::vector<std::int8_t> levels(cols, static_cast<std::int8_t>(level));
  const std::vector<Affine> affines(format->groups_of_row(cols), format->round_affine(*format, {1, 0}));
  format->pack(*format, affines, levels, tensor.row(0));
  return tensor;
}

/// Exact sums over rounded activations, and what the error bounds count.
struct ExactProduct {
  double sum = 0, magnitude = 0;
};

/// A row of weights as the scalar kernel unpacks it.
struct UnpackedRow {
  std::size_t cols, group;
  std::vector<std::uint8_t> codes;
  std::vector<float> scales, offsets;

  UnpackedRow(const Tensor& tensor, std::size_t row)
      : cols(tensor.cols), group(int8_kernels(*tensor.format, Isa::scalar).group), codes((cols + 31) / 32 * 32) {
    scales.resize(codes.size() / group);
    offsets.resize(scales.size());
    int8_kernels(*tensor.format, Isa::scalar)
        .unpack({tensor.format.get(), tensor.row(row), cols, 0, cols}, {codes.data(), scales.data(), offsets.data()});
  }

  ExactProduct times(const Int8Activations& x, std::size_t b) const {
    ExactProduct product;
    for (std::size_t i = 0; i < cols; ++i) {
      const double activation = static_cast<double>(x.scales[b * x.runs + i / 32]) * x.values[b * x.runs * 32 + i];
      const double scaled = static_cast<double>(scales[i / group]) * codes[i];
      const double offset = static_cast<double>(offsets[i / group]);
      product.sum += (scaled + offset) * activation;
      product.magnitude += (std::fabs(scaled) + std::fabs(offset)) * std::fabs(activation);
    }
    return product;
  }
};

}  // namespace quantbench
