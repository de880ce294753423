#include "kernels/cpu/int8_activations.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "core/parallel.h"

namespace quantbench {
namespace {

constexpr std::size_t run = Int8Activations::run;

/// The bits of magnitudes order as the numbers do, infinity and NaN last. In integers, since a maximum of floats is no loop that
/// compilers turn into vectors.
float largest_magnitude(const float* x) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < run; ++i) largest = std::max(largest, std::bit_cast<std::int32_t>(x[i]) & 0x7FFFFFFF);
  return std::bit_cast<float>(largest);
}

}  // namespace

RoundedRun round_run(const float* x, std::int8_t* values) {
  const float largest = largest_magnitude(x);
  if (!std::isfinite(largest)) {
    std::fill_n(values, run, std::int8_t{0});
    return {std::numeric_limits<float>::quiet_NaN(), {0, 0}};
  }
  constexpr float smallest = 0x1p-100f;  // below it 127 / largest might overflow, and nothing is lost
  RoundedRun rounded{largest > smallest ? largest / 127 : 0, {0, 0}};
  const float inverse = largest > smallest ? 127 / largest : 0;
  // Adding 1.5 * 2^23 leaves the nearest integer, of two the even one, in the low bits: vectors on every machine.
  constexpr float rounder = 0x1.8p23f;
  for (std::size_t half = 0; half < 2; ++half)
    for (std::size_t i = half * run / 2; i < (half + 1) * run / 2; ++i) {
      const int value = std::bit_cast<std::int32_t>(x[i] * inverse + rounder) - std::bit_cast<std::int32_t>(rounder);
      values[i] = static_cast<std::int8_t>(value);
      rounded.half_sums[half] += value;
    }
  return rounded;
}

RoundedRun round_run(const float* x, std::size_t count, std::int8_t* values) {
  if (count >= run) return round_run(x, values);
  float padded[run] = {};
  std::copy_n(x, count, padded);
  return round_run(padded, values);
}

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
      const RoundedRun rounded = round_run(x + row * stride + r * run, cols - r * run, out.values.data() + at * run);
      out.scales[at] = rounded.scale;
      out.sums[at] = rounded.sum();
      for (int half = 0; half < 2; ++half)
        out.half_sums[2 * at + static_cast<std::size_t>(half)] = rounded.half_sum(half);
    }
  };
  if (rows == 1)
    round_row(0);  // not worth waking threads
  else
    parallel_for(threads, rows, round_row);
  return out;
}

}  // namespace quantbench
