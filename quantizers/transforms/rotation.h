// A seeded rotation of vectors: Q = D (B x H), with D random signs, x the Kronecker product, H the Hadamard matrix of order 2^k over
// its root, and B orthogonal of order m, where the size is m 2^k.
//
// B is 1 for powers of two; else the Hadamard matrix of the smallest order m that paley_hadamard knows, over its root (12, 20, 28,
// 36, 60, 104, 200 ... : the widths of all common models); else, with m the odd part of the size, a random orthogonal matrix, which
// spreads as well but has no equal entries. A rotation with a Hadamard matrix spreads one large entry evenly over all columns;
// the signs keep entries that are alike from adding up in the first column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace quantbench {

class Rotation {
 public:
  /// The same on every machine. Throws Error for size 0, and where m would exceed `largest_base`.
  Rotation(std::size_t size, std::uint64_t seed);

  static constexpr std::size_t largest_base = 512;

  std::size_t size() const { return signs_.size(); }
  /// Columns that are mixed by B: m.
  std::size_t base_size() const { return base_size_; }

  /// x := x Q for a row x of this size.
  void apply(std::span<double> row) const;
  /// x := x Q'
  void undo(std::span<double> row) const;

 private:
  void spread(std::span<double> row) const;
  void mix(std::span<double> row, bool transposed) const;

  std::vector<double> signs_;  // D
  std::size_t base_size_ = 1;
  std::vector<double> base_;  // B (m, m); empty: 1
};

enum class Direction { forward, back };

/// A matrix to be changed in place.
struct MatrixEdit {
  std::span<float> values;  // (rows, cols)
  std::size_t cols = 0;
  int threads = 1;
};

/// Every run of rotation.size() columns times Q (back: Q'), in f64, rounded once. The size divides the columns.
void rotate_columns(const Rotation& rotation, const MatrixEdit& matrix, Direction direction = Direction::forward);
/// Q' (back: Q) times every run of rotation.size() rows. The size divides the rows.
void rotate_rows(const Rotation& rotation, const MatrixEdit& matrix, Direction direction = Direction::forward);

}  // namespace quantbench
