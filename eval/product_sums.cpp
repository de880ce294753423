#include "eval/product_sums.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "core/matmul/matmul_f32.h"
#include "core/parallel.h"

namespace quantbench {
namespace {

/// Tokens whose products are summed in f32.
constexpr std::size_t tokens_per_block = 128;
/// A tile of sums, its products and the columns that they come from stay in a core's cache for all blocks of a batch.
constexpr std::size_t tile_edge = 192;

void transpose(MatrixView input, const TransposedTokens::Block& block, float* out) {
  constexpr std::size_t columns_at_once = 16;
  for (std::size_t first = 0; first < input.cols; first += columns_at_once) {
    const std::size_t last = std::min(first + columns_at_once, input.cols);
    for (std::size_t token = 0; token < block.count; ++token) {
      const float* const row = input.row(block.first + token).data();
      for (std::size_t column = first; column < last; ++column) out[column * block.count + token] = row[column];
    }
  }
}

}  // namespace

TransposedTokens::TransposedTokens(MatrixView input, std::size_t window, int threads)
    : cols_(input.cols), values_(input.values.size()) {
  if (window == 0 || input.rows % window != 0)
    fail("{} tokens are not a whole number of windows of {} tokens", input.rows, window);
  for (std::size_t start = 0; start < input.rows; start += window) {
    for (std::size_t first = 0; first < window; first += tokens_per_block)
      blocks_.push_back({start + first, std::min(tokens_per_block, window - first)});
  }
  parallel_for(threads, blocks_.size(), [&](std::size_t index) {
    transpose(input, blocks_[index], values_.data() + blocks_[index].first * cols_);
  });
}

std::vector<ProductSums::Tile> ProductSums::tiles_for(std::size_t cols, Kind kind) {
  std::vector<Tile> tiles;
  std::size_t offset = 0;
  for (std::size_t row = 0; row < cols; row += tile_edge) {
    for (std::size_t column = kind == Kind::symmetric ? row : 0; column < cols; column += tile_edge) {
      tiles.push_back({row, std::min(tile_edge, cols - row), column, std::min(tile_edge, cols - column), offset});
      offset = checked_add(offset, tiles.back().rows * tiles.back().columns);
    }
  }
  return tiles;
}

std::size_t ProductSums::bytes_for(std::size_t cols, Kind kind) {
  const std::vector<Tile> tiles = tiles_for(cols, kind);
  if (tiles.empty()) return 0;
  return (tiles.back().offset + tiles.back().rows * tiles.back().columns) * sizeof(double);
}

ProductSums::ProductSums(std::size_t cols, Kind kind)
    : cols_(cols), kind_(kind), tiles_(tiles_for(cols, kind)), sums_(bytes_for(cols, kind) / sizeof(double)) {}

void ProductSums::add(const TransposedTokens& left, const TransposedTokens& right, int threads) {
  if (left.cols() != cols_ || right.cols() != cols_ || left.blocks().size() != right.blocks().size())
    fail("activations of {} and {} columns do not fit sums of {} columns", left.cols(), right.cols(), cols_);
  parallel_for(threads, tiles_.size(), [&](std::size_t index) { add_tile(tiles_[index], left, right); });
}

void ProductSums::add_tile(const Tile& tile, const TransposedTokens& left, const TransposedTokens& right) {
  std::vector<float> products(tile.rows * tile.columns);
  double* const sums = sums_.data() + tile.offset;
  for (const TransposedTokens::Block& block : left.blocks()) {
    matmul_f32({.a = left.column(block, tile.first_row),
                .a_stride = block.count,
                .b = right.column(block, tile.first_column),
                .b_stride = block.count,
                .c = products.data(),
                .c_stride = tile.columns,
                .m = tile.rows,
                .n = tile.columns,
                .k = block.count},
               1);
    for (std::size_t index = 0; index < products.size(); ++index) sums[index] += static_cast<double>(products[index]);
  }
}

std::vector<float> ProductSums::times(double factor) const {
  std::vector<float> result(checked_multiply(cols_, cols_));
  for (const Tile& tile : tiles_) {
    for (std::size_t row = 0; row < tile.rows; ++row) {
      const double* const sums = sums_.data() + tile.offset + row * tile.columns;
      float* const out = result.data() + (tile.first_row + row) * cols_ + tile.first_column;
      for (std::size_t column = 0; column < tile.columns; ++column)
        out[column] = static_cast<float>(sums[column] * factor);
    }
  }
  if (kind_ == Kind::symmetric) {
    for (std::size_t row = 0; row < cols_; ++row)
      for (std::size_t column = 0; column < row / tile_edge * tile_edge; ++column)
        result[row * cols_ + column] = result[column * cols_ + row];
  }
  return result;
}

}  // namespace quantbench
