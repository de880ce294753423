// Weights repacked for decode, at load time: sixteen rows interleaved (repacked_layout.h), so that all that is done once for a group is
// done for sixteen rows at once. On AVX-512 that is a third of the arithmetic of matvec_int8, which then hides behind reading the weights.
//
// Formats with codebooks grow: they are repacked as the levels of their weights (docs/kernels.md has the bytes).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/isa.h"
#include "core/large_pages.h"
#include "core/tensor.h"

namespace quantbench {

/// A view; the bytes belong to someone else.
struct RepackedTensor {
  std::shared_ptr<const Format> format;  // of the weights before
  std::size_t rows = 0, cols = 0;
  std::span<const std::byte> bytes;  // repacked_bytes(format, rows, cols)
};

/// Whether weights of the format can be repacked for products on this instruction set: Q and K formats and codebooks, on AVX-512 with
/// byte products, and on scalar as the reference. AVX2 and NEON multiply rows as they are stored (int8_product.h).
bool is_repacked(const Format& format, Isa isa);

/// Throws Error for a format that is not repacked.
std::size_t repacked_bytes(const Format& format, std::size_t rows, std::size_t cols);
LargePages<std::byte> repack(const Tensor& weights, int threads);

struct RepackedProduct {
  const RepackedTensor* weights = nullptr;  // (rows, cols)
  const float* x = nullptr;                 // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  float* y = nullptr;  // (batch, rows), row stride y_stride; overwritten
  std::size_t y_stride = 0;
  std::size_t batch = 0;
};

/// y = x w' with activations rounded to eight bits (int8_activations.h). Meant for batches of 1 to 8, as matvec_int8 is. The sums do not
/// depend on batch or threads. Against exact sums over the rounded activations x,
///     |error| <= 2^-24 (units + 24) sum (|scale| code + |offset|) |x|
/// where units of 256 columns are counted, and weights are scale * code + offset as in int8_kernels.h. Throws Error when the format is not repacked on this instruction set.
void matvec_repacked(const RepackedProduct& product, int threads, Isa isa = best_isa());

}  // namespace quantbench
