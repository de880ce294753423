#include "quantizers/solvers/gptq/cholesky_f64.h"

#include <cmath>

#include "core/checked.h"

namespace quantbench {

bool CholeskyF64::factorize(const float* matrix, std::size_t n) {
  size_ = n;
  factor_.assign(checked_multiply(n, n), 0);
  for (std::size_t row = 0; row < n; ++row)
    for (std::size_t col = 0; col <= row; ++col)
      if (!set_entry(row, col, static_cast<double>(matrix[row * n + col]))) return false;
  return true;
}

bool CholeskyF64::set_entry(std::size_t row, std::size_t col, double value) {
  for (std::size_t k = 0; k < col; ++k) value -= factor_[row * size_ + k] * factor_[col * size_ + k];
  if (row == col && !(value > 0 && std::isfinite(value))) return false;
  factor_[row * size_ + col] = row == col ? std::sqrt(value) : value / factor_[col * size_ + col];
  return true;
}

std::vector<double> CholeskyF64::inverse_of_factor() const {
  std::vector<double> inverse(size_ * size_);
  for (std::size_t row = 0; row < size_; ++row) {
    const double scale = 1 / factor_[row * size_ + row];
    double* const out = inverse.data() + row * size_;
    for (std::size_t k = 0; k < row; ++k) {
      const double weight = factor_[row * size_ + k];
      for (std::size_t col = 0; col <= k; ++col) out[col] -= weight * inverse[k * size_ + col];
    }
    for (std::size_t col = 0; col < row; ++col) out[col] *= scale;
    out[row] = scale;
  }
  return inverse;
}

}  // namespace quantbench
