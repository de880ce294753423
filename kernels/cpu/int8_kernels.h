// What products in integers are made of: for each format description and instruction set, functions that multiply a packed row by
// activations of eight bits (int8_activations.h), and one that unpacks rows to bytes for products with many activations.
//
// Here a weight is scale * code + offset with a code in 0..255: the level minus the format's smallest, whatever the format, so the
// integer products are those of unsigned with signed bytes that machines have. Codes are multiplied and summed exactly within a
// group; the sums over groups are f32.
//
// Formats of floating point numbers and of tables (NF4, FP8 ...) have no integer levels, and integers whose groups do not consist of
// whole runs of 32 weights (but for the last of a row) do not meet the runs of the activations: those have no such kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "kernels/cpu/format_kernels.h"
#include "kernels/cpu/int8_activations.h"

namespace quantbench {

/// The activations that a row is multiplied by. Strides count from one of them to the next.
struct Int8Vectors {
  const std::int8_t* values = nullptr;
  const float *scales = nullptr, *sums = nullptr, *half_sums = nullptr;
  std::size_t runs = 0;

  Int8Vectors(const Int8Activations& all, std::size_t first)
      : values(all.values.data() + first * all.runs * Int8Activations::run),
        scales(all.scales.data() + first * all.runs),
        sums(all.sums.data() + first * all.runs),
        half_sums(all.half_sums.data() + first * all.runs * 2),
        runs(all.runs) {}
};

/// Codes and affines of part of a row. Groups of `group_of` the format.
struct UnpackedCodes {
  std::uint8_t* codes = nullptr;                // (weights), zeros up to a whole run
  float *scales = nullptr, *offsets = nullptr;  // (weights / group)
};

struct Int8Kernels {
  /// Weights with one scale in `unpack`: 16 or 32; 0 when the format has no integer levels, and no functions here.
  std::size_t group = 0;
  /// "generic", or "tuned" where there is code of its own for the format's layout.
  const char* variant = "generic";
  /// sums: the products of a whole row with one vector; with four. The order of summation depends on the instruction set, never
  /// on the batch. Against exact sums over the rounded activations x,
  ///     |error| <= 2^-24 (runs + 20) sum (|scale| code + |offset|) |x|
  void (*dot)(const RowRange& row, const Int8Vectors& x, float* sums) = nullptr;
  void (*dot4)(const RowRange& row, const Int8Vectors& x, float* sums) = nullptr;
  /// `part` begins at a multiple of 256 weights and ends at one, or with the row.
  void (*unpack)(const RowRange& part, const UnpackedCodes& out) = nullptr;
};

/// Whether there are such kernels for the format.
bool has_int8_kernels(const Format& format);

/// The table entry of a format that has them. Machines with AVX-512 but without its byte products (VNNI) use AVX2 here.
const Int8Kernels& int8_kernels(const Format& format, Isa isa);

/// Tables indexed by Format::layout.
const Int8Kernels* int8_kernels_scalar();
const Int8Kernels* int8_kernels_avx2();
const Int8Kernels* int8_kernels_avx512();
const Int8Kernels* int8_kernels_neon();

}  // namespace quantbench
