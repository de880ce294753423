// What products in f32 are held to.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>

namespace quantbench {

/// Fails unless out (batch, rows) is x (batch, cols) times weights (rows, cols) within 2^-24 (cols + 2) sum |w x|.
inline void expect_exact_product(std::span<const float> out, std::span<const float> x, std::span<const float> weights,
                                 std::size_t cols, const std::string& id) {
  const std::size_t rows = weights.size() / cols, batch = x.size() / cols;
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = 0, magnitude = 0;
      for (std::size_t i = 0; i < cols; ++i) {
        const double term = static_cast<double>(x[b * cols + i]) * static_cast<double>(weights[row * cols + i]);
        sum += term, magnitude += std::fabs(term);
      }
      const double tolerance = 0x1p-24 * (static_cast<double>(cols) + 2) * magnitude;
      ASSERT_NEAR(out[b * rows + row], sum, tolerance)
          << id << ", output " << row << " of row " << b << ", " << rows << " x " << cols << " x " << batch;
    }
}

}  // namespace quantbench
