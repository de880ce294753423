#include "core/format.h"

#include "core/checked.h"

namespace quantbench {

std::size_t Format::tensor_bytes(std::size_t rows, std::size_t cols) const {
  if (cols % block != 0)
    fail("format {} stores rows whose length is a multiple of {}; this row has {} weights", id, block, cols);
  return checked_add(header_bytes(rows, cols), checked_multiply(rows, row_bytes(*this, cols)));
}

std::size_t Format::header_bytes(std::size_t rows, std::size_t cols) const {
  if (groups_per_unit == 0) return fixed_header_bytes;
  const std::size_t groups = checked_multiply(rows, groups_of_row(cols));
  return fixed_header_bytes + checked_multiply(divide_up(groups, groups_per_unit), sizeof(float));
}

double Format::bits_per_weight(std::size_t rows, std::size_t cols) const {
  const double weights = static_cast<double>(rows) * static_cast<double>(cols);
  return weights == 0 ? 0 : 8.0 * static_cast<double>(tensor_bytes(rows, cols)) / weights;
}

}  // namespace quantbench
