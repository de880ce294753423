// An owned row-major f32 matrix: the activations between two blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "core/checked.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace quantbench {

class Matrix {
 public:
  Matrix() = default;
  /// All zero.
  Matrix(std::size_t rows, std::size_t cols) : values_(checked_multiply(rows, cols)), rows_(rows), cols_(cols) {}

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }
  std::span<float> row(std::size_t index) { return std::span(values_).subspan(index * cols_, cols_); }
  std::span<const float> row(std::size_t index) const { return std::span(values_).subspan(index * cols_, cols_); }
  MatrixView view() const { return {values_, rows_, cols_}; }

 private:
  std::vector<float> values_;
  std::size_t rows_ = 0, cols_ = 0;
};

/// Calls body(row) for every row below `rows`; threads get them in blocks.
template <class Body>
void for_each_row(std::size_t rows, int threads, const Body& body) {
  constexpr std::size_t rows_per_task = 32;
  parallel_for(threads, divide_up(rows, rows_per_task), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * rows_per_task, rows);
    for (std::size_t row = task * rows_per_task; row < last; ++row) body(row);
  });
}

}  // namespace quantbench
