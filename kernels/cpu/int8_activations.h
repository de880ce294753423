// Activations rounded to eight bits, as products of packed weights in integers read them.
//
// Each run of 32 columns of a row has its own scale, the largest magnitude of the run over 127, and integers to the nearest, so an
// activation is off by at most half of that scale: 0.4 % of the run's largest. llama.cpp's Q8_0 does the same, with the scale in
// binary16. Rejected: one scale for 256 columns, as Q8_K has. It saves a multiplication in formats whose groups have integer scales
// and doubles the rounding error of typical rows.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace quantbench {

struct Int8Activations {
  static constexpr std::size_t run = 32;

  std::size_t rows = 0, cols = 0;
  std::size_t runs = 0;             // of a row; the last one may be filled up with zeros
  std::vector<std::int8_t> values;  // (rows, runs * 32), -127..127
  std::vector<float> scales;        // (rows, runs)
  std::vector<float> sums;          // (rows, runs): scale * sum of the 32 values
  std::vector<float> half_sums;     // (rows, runs * 2): the same of 16 values
};

/// One run. Integer sums of its halves; in f32, as above.
struct RoundedRun {
  float scale = 0;
  std::int32_t half_sums[2] = {0, 0};

  float half_sum(int half) const { return scale * static_cast<float>(half_sums[half]); }
  float sum() const { return scale * static_cast<float>(half_sums[0] + half_sums[1]); }
};
/// Of 32 values, or of the first `count`, the others being zeros.
RoundedRun round_run(const float* x, std::int8_t* values);
RoundedRun round_run(const float* x, std::size_t count, std::int8_t* values);

/// A row with a value that is not finite gets the scale NaN in that run, and so will its products.
Int8Activations round_activations(const float* x, std::size_t rows, std::size_t cols, std::size_t stride, int threads);

}  // namespace quantbench
