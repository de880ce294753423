#include "quantizers/transforms/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "core/checked.h"
#include "core/error.h"
#include "core/parallel.h"
#include "quantizers/transforms/hadamard_matrix.h"

namespace quantbench {
namespace {

/// Nearly normal: a sum of uniform numbers, which no mathematical library has a say in.
double nearly_normal(std::mt19937_64& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
  return sum;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Takes the parts along `others` (rows of length 1) out of the row; twice, as once leaves rounding errors along them.
void make_orthogonal(std::span<double> row, std::span<const double> others) {
  for (int pass = 0; pass < 2; ++pass)
    for (std::size_t first = 0; first < others.size(); first += row.size()) {
      const auto other = others.subspan(first, row.size());
      const double along = dot(row, other);
      for (std::size_t i = 0; i < row.size(); ++i) row[i] -= along * other[i];
    }
  const double length = std::sqrt(dot(row, row));
  for (double& value : row) value /= length;
}

std::vector<double> random_orthogonal(std::size_t order, std::mt19937_64& random) {
  std::vector<double> matrix(order * order);
  for (double& value : matrix) value = nearly_normal(random);
  const std::span<double> all = matrix;
  for (std::size_t row = 0; row < order; ++row)
    make_orthogonal(all.subspan(row * order, order), all.first(row * order));
  return matrix;
}

/// B of a size, or nothing where it is 1.
std::vector<double> base_of(std::size_t size, std::mt19937_64& random) {
  const std::size_t odd = size >> std::countr_zero(size);
  if (odd == 1) return {};
  for (std::size_t order = 4 * odd; size % order == 0 && order <= Rotation::largest_base; order *= 2)
    if (auto matrix = paley_hadamard(order)) {
      const double factor = 1 / std::sqrt(static_cast<double>(order));
      for (double& value : *matrix) value *= factor;
      return std::move(*matrix);
    }
  if (odd > Rotation::largest_base)
    fail(
        "there is no rotation of {} columns: {} is a power of two times {}, expected at most {} or the order of a "
        "known "
        "Hadamard matrix",
        size, size, odd, Rotation::largest_base);
  return random_orthogonal(odd, random);
}

void turn(const Rotation& rotation, std::span<double> row, Direction direction) {
  if (direction == Direction::forward) {
    rotation.apply(row);
  } else {
    rotation.undo(row);
  }
}

void check_runs(const Rotation& rotation, std::size_t count, const char* what) {
  if (count % rotation.size() != 0)
    fail("a rotation of {} cannot turn {} {}, which is no multiple of it", rotation.size(), count, what);
}

}  // namespace

Rotation::Rotation(std::size_t size, std::uint64_t seed) {
  if (size == 0) fail("there is no rotation of 0 columns");
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < size; ++i) signs_.push_back((random() >> 63) != 0 ? -1 : 1);
  base_ = base_of(size, random);
  while (base_size_ * base_size_ < base_.size()) ++base_size_;
}

void Rotation::spread(std::span<double> row) const {
  const std::size_t run = size() / base_size_;
  const double factor = 1 / std::sqrt(static_cast<double>(run));
  for (std::size_t first = 0; first < row.size(); first += run) {
    const auto part = row.subspan(first, run);
    multiply_by_hadamard(part);
    for (double& value : part) value *= factor;
  }
}

void Rotation::mix(std::span<double> row, bool transposed) const {
  if (base_.empty()) return;
  const std::size_t run = size() / base_size_;
  const std::vector<double> before(row.begin(), row.end());  // (m, run)
  for (std::size_t to = 0; to < base_size_; ++to) {
    const auto sums = row.subspan(to * run, run);
    std::ranges::fill(sums, 0);
    for (std::size_t from = 0; from < base_size_; ++from) {
      const double factor = transposed ? base_[to * base_size_ + from] : base_[from * base_size_ + to];
      for (std::size_t i = 0; i < run; ++i) sums[i] += factor * before[from * run + i];
    }
  }
}

void Rotation::apply(std::span<double> row) const {
  for (std::size_t i = 0; i < row.size(); ++i) row[i] *= signs_[i];
  spread(row);
  mix(row, false);
}

void Rotation::undo(std::span<double> row) const {
  mix(row, true);
  spread(row);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] *= signs_[i];
}

void rotate_columns(const Rotation& rotation, const MatrixEdit& matrix, Direction direction) {
  check_runs(rotation, matrix.cols, "columns");
  parallel_for(matrix.threads, matrix.values.size() / matrix.cols, [&](std::size_t row) {
    std::vector<double> run(rotation.size());
    for (std::size_t first = 0; first < matrix.cols; first += run.size()) {
      const auto values = matrix.values.subspan(row * matrix.cols + first, run.size());
      std::ranges::copy(values, run.begin());
      turn(rotation, run, direction);
      std::ranges::transform(run, values.begin(), [](double value) { return static_cast<float>(value); });
    }
  });
}

void rotate_rows(const Rotation& rotation, const MatrixEdit& matrix, Direction direction) {
  const std::size_t rows = matrix.values.size() / matrix.cols, size = rotation.size();
  check_runs(rotation, rows, "rows");
  constexpr std::size_t columns_of_task = 16;  // those of one cache line
  parallel_for(matrix.threads, divide_up(matrix.cols, columns_of_task), [&](std::size_t task) {
    const std::size_t begin = task * columns_of_task, count = std::min(columns_of_task, matrix.cols - begin);
    std::vector<double> columns(count * size);  // (count, size)
    for (std::size_t first = 0; first < rows; first += size) {
      float* const corner = matrix.values.data() + first * matrix.cols + begin;
      for (std::size_t row = 0; row < size; ++row)
        for (std::size_t i = 0; i < count; ++i)
          columns[i * size + row] = static_cast<double>(corner[row * matrix.cols + i]);
      for (std::size_t i = 0; i < count; ++i) turn(rotation, std::span(columns).subspan(i * size, size), direction);
      for (std::size_t row = 0; row < size; ++row)
        for (std::size_t i = 0; i < count; ++i)
          corner[row * matrix.cols + i] = static_cast<float>(columns[i * size + row]);
    }
  });
}

}  // namespace quantbench
