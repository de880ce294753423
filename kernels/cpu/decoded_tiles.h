// Packed weights as the tiles of f32 products (core/matmul/matmul_tile.h) take them: what matmul and matmul_bf16 have in common.
#pragma once

#include "core/matmul/matmul_tile.h"
#include "kernels/cpu/format_kernels.h"
#include "kernels/cpu/packed_product.h"

namespace quantbench {

/// The context of decode_panel.
struct DecodedWeights {
  const Tensor* tensor = nullptr;
  const FormatKernels* kernels = nullptr;
};

/// WeightSource::fetch.
inline RowsF32 decode_panel(const void* context, const WeightRange& range, float* scratch) {
  const auto& weights = *static_cast<const DecodedWeights*>(context);
  const Tensor& tensor = *weights.tensor;
  for (std::size_t row = 0; row < range.rows; ++row)
    weights.kernels->decode(
        {tensor.format.get(), tensor.row(range.first_row + row), tensor.cols, range.first_k, range.k},
        scratch + row * tile_k);
  return {scratch, tile_k};
}

inline TileProduct tile_product(const PackedProduct& product, const WeightSource& weights) {
  TileProduct tiles;
  tiles.a = product.x;
  tiles.a_stride = product.x_stride;
  tiles.b = weights;
  tiles.c = product.y;
  tiles.c_stride = product.y_stride;
  tiles.m = product.batch;
  tiles.n = product.weights->rows;
  tiles.k = product.weights->cols;
  return tiles;
}

}  // namespace quantbench
