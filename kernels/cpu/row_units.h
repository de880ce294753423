// Where the parts of packed rows lie that panels are made of.
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/checked.h"
#include "core/tensor.h"
#include "kernels/cpu/uninitialized.h"

namespace quantbench {

/// Units of some columns each. Panels take one of each row in turn: rows lie far apart in memory, too many for the hardware to follow,
/// so what comes next has to be asked for.
class RowUnits {
 public:
  RowUnits(const Tensor& weights, std::size_t columns)
      : weights_(weights),
        row_bytes_(weights.format->row_bytes(*weights.format, weights.cols)),
        unit_bytes_(divide_up(checked_multiply(row_bytes_, columns), std::max<std::size_t>(1, weights.cols))) {}

  /// Units behind the end of the row are left out.
  void prefetch(std::size_t row, std::size_t unit) const {
    const std::byte* const bytes = weights_.row(row).row;
    const std::size_t end = std::min(row_bytes_, (unit + 1) * unit_bytes_);
    for (std::size_t byte = unit * unit_bytes_; byte < end; byte += cache_line) __builtin_prefetch(bytes + byte);
  }

 private:
  const Tensor& weights_;
  std::size_t row_bytes_, unit_bytes_;
};

}  // namespace quantbench
