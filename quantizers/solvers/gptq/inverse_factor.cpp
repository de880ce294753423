#include "quantizers/solvers/gptq/inverse_factor.h"

#include <algorithm>

#include "core/checked.h"
#include "core/matmul/matmul_f32.h"
#include "core/parallel.h"
#include "quantizers/solvers/gptq/cholesky_f64.h"

namespace quantbench {
namespace {

constexpr std::size_t block_size = 128;

/// A view of part of a row-major matrix.
struct Part {
  float* values;
  std::size_t stride;
};

/// c = a b', shapes (m, k), (n, k), (m, n).
struct Shape {
  std::size_t m, n, k;
};

void store_factor(const CholeskyF64& block, Part out) {
  for (std::size_t row = 0; row < block.size(); ++row)
    for (std::size_t col = 0; col < block.size(); ++col)
      out.values[row * out.stride + col] = static_cast<float>(block.factor()[row * block.size() + col]);
}

class BlockedCholesky {
 public:
  BlockedCholesky(std::vector<float> matrix, std::size_t n, int threads, Isa isa)
      : matrix_(std::move(matrix)), n_(n), threads_(threads), isa_(isa), scratch_(checked_multiply(n, block_size)) {}

  /// The lower triangle of the matrix becomes L. False when it is not positive definite.
  bool factor() {
    for (std::size_t begin = 0; begin < n_; begin += block_size)
      if (!factor_columns(begin, std::min(block_size, n_ - begin))) return false;
    return true;
  }

  std::vector<float> transposed_inverse() {
    std::vector<float> inverse(checked_multiply(n_, n_));
    for (std::size_t begin = 0; begin < n_; begin += block_size)
      invert_columns(begin, std::min(block_size, n_ - begin), {inverse.data(), n_});
    return inverse;
  }

 private:
  Part at(std::size_t row, std::size_t col) { return {matrix_.data() + row * n_ + col, n_}; }

  void multiply(Part a, Part b, Part c, Shape shape) const {
    matmul_f32({.a = a.values,
                .a_stride = a.stride,
                .b = b.values,
                .b_stride = b.stride,
                .c = c.values,
                .c_stride = c.stride,
                .m = shape.m,
                .n = shape.n,
                .k = shape.k},
               threads_, isa_);
  }

  /// L of columns [begin, begin + size), given all columns before.
  bool factor_columns(std::size_t begin, std::size_t size) {
    const std::size_t rows = n_ - begin;
    const Part scratch{scratch_.data(), size};
    multiply(at(begin, 0), at(begin, 0), scratch, {rows, size, begin});
    parallel_for(threads_, divide_up(rows, block_size), [&](std::size_t task) {
      const std::size_t end = std::min((task + 1) * block_size, rows);
      for (std::size_t row = task * block_size; row < end; ++row) {
        const float* const stored = at(begin + row, begin).values;
        float* const rest = scratch.values + row * size;
        for (std::size_t col = 0; col < size; ++col) rest[col] = stored[col] - rest[col];
      }
    });
    CholeskyF64 diagonal;
    if (!diagonal.factorize(scratch.values, size)) return false;
    store_factor(diagonal, at(begin, begin));
    const std::vector<double> exact = diagonal.inverse_of_factor();
    std::vector<float> inverse(exact.begin(), exact.end());
    multiply({scratch.values + size * size, size}, {inverse.data(), size}, at(begin + size, begin),
             {rows - size, size, size});
    inverses_.push_back(std::move(inverse));
    return true;
  }

  /// Columns [begin, begin + size) of L'^-1, given all columns before.
  void invert_columns(std::size_t begin, std::size_t size, Part inverse) {
    // Rows of the inverse start at the diagonal: chunks of rows leave most of the zeros before it out of the products.
    constexpr std::size_t chunk = 512;
    std::vector<float>& diagonal = inverses_[begin / block_size];
    for (std::size_t first = 0; first < begin; first += chunk)
      multiply({inverse.values + first * n_ + first, n_}, at(begin, first), {scratch_.data() + first * size, size},
               {std::min(chunk, begin - first), size, begin - first});
    for (std::size_t row = 0; row < size; ++row)
      for (std::size_t col = row; col < size; ++col)
        inverse.values[(begin + row) * n_ + begin + col] = diagonal[col * size + row];
    for (float& value : diagonal) value = -value;
    multiply({scratch_.data(), size}, {diagonal.data(), size}, {inverse.values + begin, n_}, {begin, size, size});
  }

  std::vector<float> matrix_;  // (n, n)
  std::size_t n_;
  int threads_;
  Isa isa_;
  std::vector<float> scratch_;                // (n, block_size)
  std::vector<std::vector<float>> inverses_;  // of the blocks on the diagonal
};

}  // namespace

std::optional<std::vector<float>> inverse_of_cholesky(std::vector<float> matrix, std::size_t n, int threads, Isa isa) {
  BlockedCholesky cholesky(std::move(matrix), n, threads, isa);
  if (!cholesky.factor()) return std::nullopt;
  return cholesky.transposed_inverse();
}

std::optional<std::vector<float>> transposed_inverse_factor(std::vector<float> hessian, std::size_t n, int threads,
                                                            Isa isa) {
  // Reversing the order of all entries of a square matrix reverses its rows and its columns.
  std::ranges::reverse(hessian);
  auto inverse = inverse_of_cholesky(std::move(hessian), n, threads, isa);
  if (inverse) std::ranges::reverse(*inverse);
  return inverse;
}

}  // namespace quantbench
