// The loops of codebook_scan.h for one instruction set: included by codebook_scan_{scalar,avx2,avx512}.cpp. See lanes16.h
// for what such files must not do. Vectors have the machine's own width here: GCC 12 takes comparisons of wider ones apart
// into single numbers.
#pragma once

#include "quantizers/solvers/search/codebook_scan.h"

namespace quantbench {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
using Floats = float __attribute__((vector_size(4 * lanes), may_alias));
using Ints = int __attribute__((vector_size(4 * lanes), may_alias));

/// Lanes that share a table: as many as leave it in the first cache.
constexpr int vectors = 2;
constexpr int pass = vectors * lanes;
constexpr int most_entries = CodebookLists::most_patterns + CodebookLists::most_minima;

[[gnu::always_inline]] inline Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }
[[gnu::always_inline]] inline void store(float* p, Floats v) { *reinterpret_cast<Floats*>(p) = v; }
[[gnu::always_inline]] inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }
[[gnu::always_inline]] inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
/// To the nearest integer; |value| < 2^22.
[[gnu::always_inline]] inline Floats nearest(Floats value) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it leaves no bits behind the point
  return (value + shift) - shift;
}

/// Errors of a half of the codewords, without and with one sign turned: for each pattern, and in lower halves for each entry.
struct alignas(64) HalfTable {
  float plain[most_entries][pass];
  float turned[most_entries][pass];
};

/// The last bits of an error, taken for the number of a pattern.
constexpr int pattern_bits = 127;
[[gnu::always_inline]] inline Floats tagged(Floats error, int pattern) {
  return reinterpret_cast<Floats>((reinterpret_cast<Ints>(error) & ~pattern_bits) | pattern);
}

/// What one weight adds to the error for each level, and what turning its sign costs.
template <int levels>
struct WeightTable {
  Floats error[levels], turn[levels];
};

template <int levels, bool even>
[[gnu::always_inline]] inline WeightTable<levels> weight_table(const ScanInput& in, int weight, int lane) {
  WeightTable<levels> table;
  const Floats x = load(in.block.magnitude[weight] + lane), importance = load(in.block.importance[weight] + lane);
  const Floats scale = load(in.scale + lane);
  const Floats turn_of_one = even ? load(in.block.odd + lane) * (importance * x) * (scale * 4.0f) : Floats{};
  for (int level = 0; level < levels; ++level) {
    const float value = in.lists.levels[level] + in.shift;
    const Floats difference = x - scale * value;
    table.error[level] = importance * difference * difference;
    if constexpr (even) table.turn[level] = turn_of_one * value;
  }
  return table;
}

/// Patterns of two runs of weights; `first` has the lower digits.
template <int levels, bool even>
[[gnu::always_inline]] inline WeightTable<levels * levels> joined(const WeightTable<levels>& first,
                                                                  const WeightTable<levels>& second) {
  WeightTable<levels * levels> table;
  for (int j = 0; j < levels; ++j)
    for (int i = 0; i < levels; ++i) {
      table.error[j * levels + i] = first.error[i] + second.error[j];
      if constexpr (even) table.turn[j * levels + i] = smaller(first.turn[i], second.turn[j]);
    }
  return table;
}

enum class Half { lower, upper };

/// The same, into the table of a half.
template <Half half, int levels, bool even>
[[gnu::always_inline]] inline void keep_joined(const WeightTable<levels>& first, const WeightTable<levels>& second,
                                               int lane_in_pass, HalfTable& table) {
  for (int j = 0; j < levels; ++j)
    for (int i = 0; i < levels; ++i) {
      const int pattern = j * levels + i;
      const Floats error = first.error[i] + second.error[j];
      store(table.plain[pattern] + lane_in_pass, half == Half::lower ? tagged(error, pattern) : error);
      if constexpr (even) {
        const Floats with_turn = error + smaller(first.turn[i], second.turn[j]);
        store(table.turned[pattern] + lane_in_pass, half == Half::lower ? tagged(with_turn, pattern) : with_turn);
      }
    }
}

[[gnu::always_inline]] inline const float* row(const float (*table)[pass], std::uint16_t entry) {
  return reinterpret_cast<const float*>(reinterpret_cast<const char*>(table) + entry * (pass / 4));
}

template <int patterns>
[[gnu::always_inline]] inline void take_minima(const CodebookLists& lists, float (*rows)[pass]) {
  for (int i = 0; i < lists.minimum_count; ++i) {
    const CodebookLists::Minimum of = lists.minima[i];
    for (int p = 0; p < vectors; ++p)
      store(rows[patterns + i] + p * lanes,
            smaller(load(row(rows, of.a) + p * lanes), load(row(rows, of.b) + p * lanes)));
  }
}

/// The half of a codeword that starts at `weight` of the octet, for the lanes from `lane` on.
template <Half half, int codeword_weights, bool even>
void make_half_table(const ScanInput& in, int weight, int lane, HalfTable& table) {
  constexpr int levels = codeword_weights == 8 ? 3 : 8;
  constexpr int patterns = codeword_weights == 8 ? 81 : 64;
  for (int part = 0; part < pass; part += lanes) {
    const auto of = [&](int i) __attribute__((always_inline)) {
      return weight_table<levels, even>(in, weight + i, lane + part);
    };
    if constexpr (codeword_weights == 4)
      keep_joined<half, levels, even>(of(0), of(1), part, table);
    else
      keep_joined<half, levels * levels, even>(joined<levels, even>(of(0), of(1)), joined<levels, even>(of(2), of(3)),
                                               part, table);
  }
  if constexpr (half == Half::lower) {
    take_minima<patterns>(in.lists, table.plain);
    if constexpr (even) take_minima<patterns>(in.lists, table.turned);
  }
}

/// The best codeword of each lane: its error, its chunk, and the error of its lower half, which names the pattern.
struct Best {
  Floats error[vectors], lower[vectors];
  Ints chunk[vectors];
};

[[gnu::always_inline]] inline void take_better(Best& best, int p, Floats error, Floats lower, int chunk) {
  const Ints is_better = error < best.error[p];
  best.error[p] = is_better ? error : best.error[p];
  best.lower[p] = is_better ? lower : best.lower[p];
  best.chunk[p] = is_better ? Ints{} + chunk : best.chunk[p];
}

struct Vectors {
  Floats values[vectors];
};

[[gnu::always_inline]] inline Vectors least_of_chunk(const CodebookLists& lists, const CodebookLists::Chunk& chunk,
                                                     const float (*rows)[pass]) {
  Vectors least;
  for (int p = 0; p < vectors; ++p) least.values[p] = load(row(rows, lists.terms[chunk.first_term]) + p * lanes);
  for (int i = chunk.first_term + 1; i < chunk.last_term; ++i)
    for (int p = 0; p < vectors; ++p)
      least.values[p] = smaller(load(row(rows, lists.terms[i]) + p * lanes), least.values[p]);
  return least;
}

/// Searches all codewords, with all signs as they are (`plain`) and with one turned.
template <bool want_plain, bool want_turned>
[[gnu::always_inline]] inline void search(const CodebookLists& lists, const HalfTable& lower, const HalfTable& upper,
                                          Best& plain, Best& turned) {
  for (int p = 0; p < vectors; ++p) {
    plain.error[p] = turned.error[p] = Floats{} + 3e38f;
    plain.lower[p] = turned.lower[p] = Floats{};
    plain.chunk[p] = turned.chunk[p] = Ints{};
  }
  for (int i = 0; i < lists.chunk_count; ++i) {
    const CodebookLists::Chunk chunk = lists.chunks[i];
    const Vectors low = least_of_chunk(lists, chunk, lower.plain);
    Vectors low_turned;
    if constexpr (want_turned) low_turned = least_of_chunk(lists, chunk, lower.turned);
    for (int p = 0; p < vectors; ++p) {
      const Floats high = load(upper.plain[chunk.upper] + p * lanes);
      if constexpr (want_plain) take_better(plain, p, high + low.values[p], low.values[p], i);
      if constexpr (want_turned) {
        const Floats in_upper = load(upper.turned[chunk.upper] + p * lanes) + low.values[p];
        const Floats in_lower = high + low_turned.values[p];
        take_better(turned, p, smaller(in_upper, in_lower), in_upper < in_lower ? low.values[p] : low_turned.values[p],
                    i);
      }
    }
  }
}

/// The codeword of one lane.
[[gnu::always_inline]] inline std::uint16_t codeword_of(const CodebookLists& lists, const Best& best,
                                                        int lane_in_pass) {
  const int p = lane_in_pass / lanes, at = lane_in_pass % lanes;
  const int pattern = reinterpret_cast<Ints>(best.lower[p])[at] & pattern_bits;
  return lists.codewords[best.chunk[p][at] * CodebookLists::most_patterns + pattern];
}

/// Sums over the octet for the codewords found: error, a, b, and which sign to turn.
template <int codeword_weights, bool even>
void sum_codewords(const ScanInput& in, ScanResult& result) {
  alignas(64) float levels[8][octets_of_block];
  for (int lane = 0; lane < octets_of_block; ++lane)
    for (int weight = 0; weight < 8; ++weight) {
      const int codeword = result.index[weight / codeword_weights][lane];
      levels[weight][lane] =
          static_cast<float>(in.lists.values[codeword * codeword_weights + weight % codeword_weights]) + in.shift;
    }
  for (int lane = 0; lane < octets_of_block; lane += lanes) {
    Floats error{}, a{}, b{}, least = Floats{} + 3e38f;
    Ints turned{};
    const Floats scale = load(in.scale + lane);
    for (int weight = 0; weight < 8; ++weight) {
      const Floats level = load(levels[weight] + lane), importance = load(in.block.importance[weight] + lane);
      const Floats magnitude = load(in.block.magnitude[weight] + lane), difference = magnitude - scale * level;
      const Floats product = importance * magnitude * level;
      error += importance * difference * difference;
      a += product;
      b += importance * level * level;
      if constexpr (even) {
        turned = product < least ? Ints{} + weight : turned;
        least = smaller(product, least);
      }
    }
    if constexpr (even) {
      least *= load(in.block.odd + lane);
      a -= 2.0f * least;
      error += 4.0f * scale * least;
      *reinterpret_cast<Ints*>(result.turned + lane) = turned;
    }
    store(result.error + lane, error);
    store(result.a + lane, a);
    store(result.b + lane, b);
  }
}

template <bool even>
void scan_octets(const ScanInput& in, ScanResult& result) {
  HalfTable lower, upper;
  for (int lane = 0; lane < octets_of_block; lane += pass) {
    make_half_table<Half::lower, 8, even>(in, 0, lane, lower);
    make_half_table<Half::upper, 8, even>(in, 4, lane, upper);
    Best plain, turned;
    search<!even, even>(in.lists, lower, upper, plain, turned);
    const Best& best = even ? turned : plain;
    for (int l = 0; l < pass; ++l) result.index[0][lane + l] = codeword_of(in.lists, best, l);
  }
  sum_codewords<8, even>(in, result);
}

/// The quad in which turning a sign costs less; 2 when no sign has to be turned.
[[gnu::always_inline]] inline int quad_to_turn(const Best* plain, const Best* turned, int lane_in_pass, bool odd) {
  if (!odd) return 2;
  const int p = lane_in_pass / lanes, at = lane_in_pass % lanes;
  const float in_first = turned[0].error[p][at] + plain[1].error[p][at];
  const float in_second = plain[0].error[p][at] + turned[1].error[p][at];
  return in_second < in_first ? 1 : 0;
}

template <bool even>
void scan_quads(const ScanInput& in, ScanResult& result) {
  HalfTable lower, upper;
  for (int lane = 0; lane < octets_of_block; lane += pass) {
    Best plain[2], turned[2];
    for (int quad = 0; quad < 2; ++quad) {
      make_half_table<Half::lower, 4, even>(in, 4 * quad, lane, lower);
      make_half_table<Half::upper, 4, even>(in, 4 * quad + 2, lane, upper);
      search<true, even>(in.lists, lower, upper, plain[quad], turned[quad]);
    }
    for (int l = 0; l < pass; ++l) {
      const int in_quad = even ? quad_to_turn(plain, turned, l, in.block.odd[lane + l] != 0) : 2;
      for (int quad = 0; quad < 2; ++quad)
        result.index[quad][lane + l] = codeword_of(in.lists, quad == in_quad ? turned[quad] : plain[quad], l);
    }
  }
  sum_codewords<4, even>(in, result);
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

constexpr CodebookKernels kernels_of_this_file{scan_octets<false>, scan_octets<true>, scan_quads<false>,
                                               scan_quads<true>,   pool_gains,        choose_scales};

}  // namespace
}  // namespace quantbench
