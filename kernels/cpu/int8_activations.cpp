#include "kernels/cpu/int8_activations.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/checked.h"
#include "core/parallel.h"

namespace quantbench {
namespace {

constexpr std::size_t run = Int8Activations::run;

struct RoundedRun {
  std::int8_t* values;
  float *scale, *sum, *half_sums;
};

/// The bits of magnitudes order as the numbers do, infinity and NaN last. In integers, since a maximum of floats is no loop that
/// compilers turn into vectors.
float largest_magnitude(const float* x) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < run; ++i) largest = std::max(largest, std::bit_cast<std::int32_t>(x[i]) & 0x7FFFFFFF);
  return std::bit_cast<float>(largest);
}

void round_run(const float* x, const RoundedRun& out) {
  const float largest = largest_magnitude(x);
  const bool finite = std::isfinite(largest);
  constexpr float smallest = 0x1p-100f;  // below it 127 / largest might overflow, and nothing is lost
  const float scale = finite ? (largest > smallest ? largest / 127 : 0) : std::numeric_limits<float>::quiet_NaN();
  const float inverse = finite && largest > smallest ? 127 / largest : 0;
  // Adding 1.5 * 2^23 leaves the nearest integer, of two the even one, in the low bits: vectors on every machine.
  constexpr float rounder = 0x1.8p23f;
  int sums[2] = {0, 0};
  for (std::size_t half = 0; half < 2; ++half)
    for (std::size_t i = half * run / 2; i < (half + 1) * run / 2; ++i) {
      const int value = std::bit_cast<std::int32_t>(x[i] * inverse + rounder) - std::bit_cast<std::int32_t>(rounder);
      out.values[i] = static_cast<std::int8_t>(value);
      sums[half] += value;
    }
  if (!finite) std::fill_n(out.values, run, std::int8_t{0});
  *out.scale = scale;
  *out.sum = scale * static_cast<float>(sums[0] + sums[1]);
  for (std::size_t half = 0; half < 2; ++half) out.half_sums[half] = scale * static_cast<float>(sums[half]);
}

}  // namespace

Int8Activations round_activations(const float* x, std::size_t rows, std::size_t cols, std::size_t stride, int threads) {
  Int8Activations out;
  out.rows = rows;
  out.cols = cols;
  out.runs = divide_up(cols, run);
  out.values.resize(checked_multiply(rows, out.runs * run));
  out.scales.resize(rows * out.runs);
  out.sums.resize(rows * out.runs);
  out.half_sums.resize(rows * out.runs * 2);
  const auto round_row = [&](std::size_t row) {
    for (std::size_t r = 0; r < out.runs; ++r) {
      const std::size_t at = row * out.runs + r;
      const RoundedRun rounded{out.values.data() + at * run, &out.scales[at], &out.sums[at], &out.half_sums[2 * at]};
      const float* from = x + row * stride + r * run;
      if ((r + 1) * run <= cols) {
        round_run(from, rounded);
        continue;
      }
      float padded[run] = {};
      std::memcpy(padded, from, (cols - r * run) * sizeof(float));
      round_run(padded, rounded);
    }
  };
  if (rows == 1)
    round_row(0);  // not worth waking threads
  else
    parallel_for(threads, rows, round_row);
  return out;
}

}  // namespace quantbench
