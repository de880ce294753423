#include "eval/sensitivity/output_error.h"

#include "core/error.h"
#include "core/matmul/matmul_f32.h"

namespace quantbench {
namespace {

void check_shapes(MatrixView original, MatrixView quantized) {
  if (original.rows != quantized.rows || original.cols != quantized.cols)
    fail("cannot compare {} x {} weights with {} x {}", original.rows, original.cols, quantized.rows, quantized.cols);
}

double squared(std::span<const float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

}  // namespace

double second_moment_trace(MatrixView a, std::span<const float> second_moments, int threads) {
  if (second_moments.size() != a.cols * a.cols)
    fail("second moments of {} numbers do not fit {} columns", second_moments.size(), a.cols);
  std::vector<float> product(a.rows * a.cols);  // A H (rows, cols); H is its own transpose
  matmul_f32({.a = a.values.data(),
              .a_stride = a.cols,
              .b = second_moments.data(),
              .b_stride = a.cols,
              .c = product.data(),
              .c_stride = a.cols,
              .m = a.rows,
              .n = a.cols,
              .k = a.cols},
             threads);
  double trace = 0;
  for (std::size_t i = 0; i < product.size(); ++i)
    trace += static_cast<double>(product[i]) * static_cast<double>(a.values[i]);
  return trace;
}

std::vector<float> difference(MatrixView original, MatrixView quantized) {
  check_shapes(original, quantized);
  std::vector<float> result(original.values.size());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = original.values[i] - quantized.values[i];
  return result;
}

double lookup_error(MatrixView original, MatrixView quantized, std::span<const std::uint64_t> counts) {
  if (counts.size() != original.rows) fail("{} counts for {} rows", counts.size(), original.rows);
  const std::vector<float> changes = difference(original, quantized);
  const MatrixView change{changes, original.rows, original.cols};
  double error = 0, whole = 0;
  for (std::size_t row = 0; row < original.rows; ++row) {
    const auto count = static_cast<double>(counts[row]);
    error += count * squared(change.row(row));
    whole += count * squared(original.row(row));
  }
  return whole > 0 ? error / whole : 0;
}

}  // namespace quantbench
