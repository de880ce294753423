// What the kernels on packed weights are made of: for each format description and instruction set, one function that
// decodes part of a row and one that multiplies a row by a few vectors. Written once (format_kernels_impl.h) over
// (format description, lanes).
#pragma once

#include <cstddef>

#include "core/format.h"

namespace quantbench {

/// One row of packed weights and which of its weights are meant: [begin, begin + count), any place in the row.
struct RowRange {
  const Format* format = nullptr;
  RowBytes bytes;
  std::size_t cols = 0;
  std::size_t begin = 0, count = 0;
};

/// Vectors of f32 that a row is multiplied by: (batch, count of the row range), row stride `stride`.
struct DotVectors {
  const float* values = nullptr;
  std::size_t stride = 0;
};

/// out: `count` weights, bit-equal with Format::decode.
using DecodeWeights = void (*)(const RowRange& row, float* out);

struct FormatKernels {
  DecodeWeights decode;
  /// sums: one dot product; four of them. Each is accurate to |error| <= 2^-24 (count + 2) sum |weight x value|; the
  /// order of summation depends on the instruction set, never on the batch.
  void (*dot)(const RowRange& row, const DotVectors& vectors, float* sums);
  void (*dot4)(const RowRange& row, const DotVectors& vectors, float* sums);
};

/// Tables indexed by Format::layout.
const FormatKernels* format_kernels_scalar();
const FormatKernels* format_kernels_avx2();
const FormatKernels* format_kernels_avx512();
const FormatKernels* format_kernels_neon();

/// What machines with AVX-512 decode with if has_avx512_byte_products().
const DecodeWeights* decoders_avx512_byte_products();

}  // namespace quantbench
