#include "models/architectures/blocks/activation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/checked.h"
#include "core/parallel.h"
#include "models/architectures/blocks/exponential.h"

namespace quantbench {
namespace {

constexpr std::size_t values_per_task = 16 * 1024;

/// x = x / (1 + exp(exponent))
template <std::size_t Width>
[[gnu::always_inline]] inline void divide_by_one_plus_exp(Simd<float, Width>& x, Simd<float, Width> exponent) {
  exponential<float, Width>(exponent);
  x = x / (1.0f + exponent);
}

struct Silu {
  template <std::size_t Width>
  [[gnu::always_inline]] static void apply(Simd<float, Width>& x) {
    divide_by_one_plus_exp<Width>(x, -x);
  }
};

struct GeluTanh {
  template <std::size_t Width>
  [[gnu::always_inline]] static void apply(Simd<float, Width>& x) {
    constexpr float slope = -1.5957691216057308f;  // -2 sqrt(2 / pi)
    divide_by_one_plus_exp<Width>(x, slope * (x + 0.044715f * x * x * x));
  }
};

struct Relu {
  template <std::size_t Width>
  [[gnu::always_inline]] static void apply(Simd<float, Width>& x) {
    x = x > 0.0f ? x : Simd<float, Width>{};
  }
};

struct Gelu {
  template <std::size_t Width>
  [[gnu::always_inline]] static void apply(Simd<float, Width>& x) {
    for (std::size_t lane = 0; lane < Width; ++lane)
      x[lane] = 0.5f * x[lane] * (1.0f + std::erf(x[lane] * std::numbers::sqrt2_v<float> / 2));
  }
};

template <class Function, std::size_t Width>
[[gnu::always_inline]] inline void apply_at(float* values, const float* factors) {
  Simd<float, Width> x, factor;
  load<float, Width>(values, x);
  Function::template apply<Width>(x);
  if (factors != nullptr) {
    load<float, Width>(factors, factor);
    x = x * factor;
  }
  store<float, Width>(x, values);
}

template <class Function, std::size_t Width>
[[gnu::always_inline]] inline void apply_to_span(std::span<float> values, const float* factors) {
  std::size_t index = 0;
  const auto factors_at = [&] { return factors == nullptr ? nullptr : factors + index; };
  for (; index + Width <= values.size(); index += Width) apply_at<Function, Width>(&values[index], factors_at());
  if (index == values.size()) return;
  const std::size_t rest = values.size() - index;
  float value_rest[Width] = {}, factor_rest[Width] = {};
  std::copy_n(&values[index], rest, value_rest);
  if (factors != nullptr) std::copy_n(factors + index, rest, factor_rest);
  apply_at<Function, Width>(value_rest, factors == nullptr ? nullptr : factor_rest);
  std::copy_n(value_rest, rest, &values[index]);
}

template <class Function>
void apply(std::span<float> values, const float* factors, int threads, Isa isa) {
  parallel_for(threads, divide_up(values.size(), values_per_task), [&](std::size_t task) {
    const std::size_t first = task * values_per_task;
    const std::span<float> part = values.subspan(first, std::min(values_per_task, values.size() - first));
    const float* const part_factors = factors == nullptr ? nullptr : factors + first;
    with_simd(
        isa, [&](auto width) __attribute__((always_inline)) { apply_to_span<Function, width()>(part, part_factors); });
  });
}

void apply(Activation activation, std::span<float> values, const float* factors, int threads, Isa isa) {
  switch (activation) {
    case Activation::relu:
      return apply<Relu>(values, factors, threads, isa);
    case Activation::silu:
      return apply<Silu>(values, factors, threads, isa);
    case Activation::gelu:
      return apply<Gelu>(values, factors, threads, isa);
    case Activation::gelu_tanh:
      return apply<GeluTanh>(values, factors, threads, isa);
  }
}

}  // namespace

void activate(std::span<float> values, Activation activation, int threads, Isa isa) {
  apply(activation, values, nullptr, threads, isa);
}

void activate_gated(std::span<float> gate, std::span<const float> up, Activation activation, int threads, Isa isa) {
  apply(activation, gate, up.data(), threads, isa);
}

}  // namespace quantbench
