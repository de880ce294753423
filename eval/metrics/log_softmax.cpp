#include "eval/metrics/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/architectures/blocks/exponential.h"

namespace quantbench {
namespace {

template <std::size_t Width>
constexpr std::size_t registers = simd_lanes / Width;

/// Adds exp(logits[i] - most) of simd_lanes logits to the sums.
template <std::size_t Width>
[[gnu::always_inline]] inline void add_exponentials(const float* logits, double most, Simd<double, Width>* sums) {
  double shifted[simd_lanes];
  for (std::size_t lane = 0; lane < simd_lanes; ++lane) shifted[lane] = static_cast<double>(logits[lane]) - most;
  Simd<double, Width> value;
  for (std::size_t part = 0; part < registers<Width>; ++part) {
    load<double, Width>(shifted + part * Width, value);
    exponential<double, Width>(value);
    sums[part] += value;
  }
}

template <std::size_t Width>
[[gnu::always_inline]] inline double sum_of_exponentials(std::span<const float> logits, double most) {
  Simd<double, Width> sums[registers<Width>] = {};
  std::size_t index = 0;
  for (; index + simd_lanes <= logits.size(); index += simd_lanes) add_exponentials<Width>(&logits[index], most, sums);
  if (index < logits.size()) {
    float rest[simd_lanes];
    std::fill(std::begin(rest), std::end(rest), -std::numeric_limits<float>::infinity());
    std::copy(&logits[index], logits.data() + logits.size(), rest);
    add_exponentials<Width>(rest, most, sums);
  }
  return sum_of_lanes<double>(sums);
}

}  // namespace

std::size_t argmax(std::span<const float> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

double log_sum_exp(std::span<const float> logits, Isa isa) {
  const double most = logits[argmax(logits)];
  double sum = 0;
  with_simd(
      isa, [&](auto width) __attribute__((always_inline)) { sum = sum_of_exponentials<width() / 2>(logits, most); });
  return most + std::log(sum);
}

}  // namespace quantbench
