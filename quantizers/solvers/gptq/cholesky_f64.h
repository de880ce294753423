// Cholesky factorization of small matrices in f64, without blocks.
#pragma once

#include <cstddef>
#include <vector>

namespace quantbench {

class CholeskyF64 {
 public:
  /// matrix: (n, n) row-major; its lower triangle is read. False when it is not positive definite.
  bool factorize(const float* matrix, std::size_t n);

  std::size_t size() const { return size_; }
  /// L of matrix = L L', lower triangular with zeros above, row-major.
  const std::vector<double>& factor() const { return factor_; }
  /// L^-1, likewise.
  std::vector<double> inverse_of_factor() const;

 private:
  bool set_entry(std::size_t row, std::size_t col, double value);

  std::size_t size_ = 0;
  std::vector<double> factor_;
};

}  // namespace quantbench
