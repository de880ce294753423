#include "models/architectures/blocks/swiglu.h"

#include <algorithm>

#include "core/checked.h"
#include "core/parallel.h"
#include "models/architectures/blocks/exponential.h"

namespace quantbench {
namespace {

constexpr std::size_t values_per_task = 16 * 1024;

template <std::size_t Width>
[[gnu::always_inline]] inline void swiglu_at(float* gate, const float* up) {
  Simd<float, Width> x, factor;
  load<float, Width>(gate, x);
  load<float, Width>(up, factor);
  Simd<float, Width> power = -x;
  exponential<float, Width>(power);
  x = x / (1.0f + power) * factor;
  store<float, Width>(x, gate);
}

template <std::size_t Width>
[[gnu::always_inline]] inline void swiglu_span(std::span<float> gate, std::span<const float> up) {
  std::size_t index = 0;
  for (; index + Width <= gate.size(); index += Width) swiglu_at<Width>(&gate[index], &up[index]);
  if (index == gate.size()) return;
  float gate_rest[Width] = {}, up_rest[Width] = {};
  std::copy(&gate[index], gate.data() + gate.size(), gate_rest);
  std::copy(&up[index], up.data() + up.size(), up_rest);
  swiglu_at<Width>(gate_rest, up_rest);
  std::copy_n(gate_rest, gate.size() - index, &gate[index]);
}

}  // namespace

void swiglu(std::span<float> gate, std::span<const float> up, int threads, Isa isa) {
  parallel_for(threads, divide_up(gate.size(), values_per_task), [&](std::size_t task) {
    const std::size_t first = task * values_per_task;
    const std::size_t count = std::min(values_per_task, gate.size() - first);
    with_simd(
        isa, [&](auto width) __attribute__((always_inline)) {
          swiglu_span<width()>(gate.subspan(first, count), up.subspan(first, count));
        });
  });
}

}  // namespace quantbench
