// Choosing d and integer scales from a pool of codewords, for codebook_scan_impl.h.
#pragma once

#include "quantizers/solvers/search/codebook_scan.h"
#include "quantizers/solvers/search/codebook_vectors_impl.h"

namespace quantbench {
namespace {

/// To the nearest integer; |value| < 2^22.
[[gnu::always_inline]] inline Floats nearest(Floats value) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it leaves no bits behind the point
  return (value + shift) - shift;
}

void add_to_pool(const ScanResult& scan, int groups, CodewordPool& pool) {
  const int octets = octets_of_block / groups, k = pool.count++;
  for (int group = 0; group < 16; ++group) {
    float a = 0, b = 0;
    for (int i = group * octets; group < groups && i < (group + 1) * octets; ++i) {
      a += scan.a[i];
      b += scan.b[i];
    }
    pool.a[k][group] = a;
    pool.b[k][group] = b;
  }
  for (int group = 0; group < 16; group += lanes) {
    const Floats a = load(pool.a[k] + group), b = load(pool.b[k] + group);
    const Floats scale = (a > 0.0f) & (b > 0.0f) ? a / b : Floats{};
    const Floats gain = a * scale, largest = load(pool.largest_gain + group);
    store(pool.best_scale[k] + group, scale);
    store(pool.scale_of_least + group, gain > largest ? scale : load(pool.scale_of_least + group));
    store(pool.largest_gain + group, larger(gain, largest));
  }
}

struct PoolTerm {
  Floats integer, gain;
};

/// The integer scale nearest to what these codewords want, and the error that they have with it.
[[gnu::always_inline]] inline PoolTerm pool_term(Floats a, Floats b, Floats best_scale, Floats step, float largest) {
  const Floats wanted = best_scale * (0.5f / step) - 0.5f;
  const Floats integer = nearest(smaller(larger(wanted, Floats{}), Floats{} + largest));
  const Floats scale = (2.0f * integer + 1.0f) * step;
  return {integer, scale * (scale * b - 2.0f * a)};
}

void pool_gains(const CodewordPool& pool, const ScaleGrid& grid, const float* d, float* gains) {
  const float largest = static_cast<float>(grid.largest);
  for (int lane = 0; lane < d_candidates; lane += lanes) {
    const Floats step = load(d + lane) * grid.unit;
    Floats sum{};
    for (int group = 0; group < grid.groups; ++group) {
      Floats best = Floats{} + 3e38f;
      for (int k = 0; k < pool.count; ++k)
        best = smaller(pool_term(Floats{} + pool.a[k][group], Floats{} + pool.b[k][group],
                                 Floats{} + pool.best_scale[k][group], step, largest)
                           .gain,
                       best);
      sum += best;
    }
    store(gains + lane, sum);
  }
}

void choose_scales(const CodewordPool& pool, const ScaleGrid& grid, float d, ScaleChoice& choice) {
  const Floats step = Floats{} + d * grid.unit;
  for (int group = 0; group < 16; group += lanes) {
    Floats best = Floats{} + 3e38f, scale{}, a{}, b{};
    for (int k = 0; k < pool.count; ++k) {
      const Floats of_a = load(pool.a[k] + group), of_b = load(pool.b[k] + group);
      const PoolTerm term =
          pool_term(of_a, of_b, load(pool.best_scale[k] + group), step, static_cast<float>(grid.largest));
      const Ints is_better = term.gain < best;
      best = smaller(term.gain, best);
      scale = is_better ? term.integer : scale;
      a = is_better ? of_a : a;
      b = is_better ? of_b : b;
    }
    store(choice.gain + group, best);
    store(choice.scale + group, scale);
    store(choice.a + group, a);
    store(choice.b + group, b);
  }
}

}  // namespace
}  // namespace quantbench
