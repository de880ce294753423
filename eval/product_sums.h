// Sums over tokens of the products of two activations: what second moments are made of.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace quantbench {

/// Activations (tokens, cols) of some windows, stored column by column in blocks of at most 128 tokens. A block never
/// crosses a window's end, so the blocks of a window do not depend on which windows are beside it.
class TransposedTokens {
 public:
  struct Block {
    std::size_t first = 0, count = 0;  // tokens
  };

  TransposedTokens() = default;
  /// `window` tokens each; divides input.rows.
  TransposedTokens(MatrixView input, std::size_t window, int threads);

  std::size_t cols() const { return cols_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  /// (cols - column, block.count), row-major
  const float* column(const Block& block, std::size_t column) const {
    return values_.data() + block.first * cols_ + column * block.count;
  }

 private:
  std::size_t cols_ = 0;
  std::vector<Block> blocks_;
  std::vector<float> values_;
};

/// L'R for activations L and R (tokens, cols) that come in batches. Products of one block of tokens are one chain of f32
/// fused multiply-adds (matmul_f32); blocks are added in f64 in token order. So the sums depend neither on the thread count
/// nor on how windows are grouped into batches, and are as good as f64 sums of slightly rounded products.
class ProductSums {
 public:
  enum class Kind { symmetric, general };  // symmetric: L = R; only tiles on and above the diagonal are kept

  ProductSums(std::size_t cols, Kind kind);
  /// The blocks of both must be equal.
  void add(const TransposedTokens& left, const TransposedTokens& right, int threads);
  /// (cols, cols) row-major, each sum times `factor`, rounded to f32.
  std::vector<float> times(double factor) const;

  std::size_t bytes() const { return sums_.size() * sizeof(double); }
  /// What `bytes` of an object will be.
  static std::size_t bytes_for(std::size_t cols, Kind kind);

 private:
  struct Tile {
    std::size_t first_row = 0, rows = 0;
    std::size_t first_column = 0, columns = 0;
    std::size_t offset = 0;  // in sums_
  };
  static std::vector<Tile> tiles_for(std::size_t cols, Kind kind);
  void add_tile(const Tile& tile, const TransposedTokens& left, const TransposedTokens& right);

  std::size_t cols_;
  Kind kind_;
  std::vector<Tile> tiles_;
  std::vector<double> sums_;  // tile after tile, each row-major
};

}  // namespace quantbench
