// The search of codewords by their costs, for codebook_scan_impl.h.
#pragma once

#include "quantizers/solvers/search/codebook_scan.h"
#include "quantizers/solvers/search/codebook_vectors_impl.h"

namespace quantbench {
namespace {

/// What single weights add to the cost of a codeword, by level: without and with their sign turned.
struct alignas(64) WeightCosts {
  std::uint16_t plain[8][8][pass], turn[8][8][pass];
  Floats least[2];  // in units of cost: error of the octet with every weight at its nearest level, which costs nothing
  Floats unit[2];   // error for each unit of cost
};

constexpr int most_entries = CodebookLists::most_patterns + CodebookLists::most_minima;

/// Of the lower halves of codewords, without and with one sign turned, by entry.
struct alignas(64) LowerCosts {
  std::uint16_t plain[most_entries][pass], turned[most_entries][pass];
};

/// Of the quarters of upper halves, by their patterns: without a turn, and what the cheapest turn in them adds.
struct alignas(64) UpperCosts {
  std::uint16_t plain[2][9][pass], turn[2][9][pass];
};

/// The most that one weight may cost: all of a codeword and one turn fit into 16 bits.
template <int codeword_weights>
constexpr int most_cost = 65535 / (codeword_weights + 1);

/// As the last bits of a number; costs that are not below the most, or no number, become the most.
template <int codeword_weights>
[[gnu::always_inline]] inline Ints limited(Floats cost) {
  constexpr float shift = 8388608.0f;  // 2^23: adding it leaves an integer in the last bits
  const Floats most = Floats{} + static_cast<float>(most_cost<codeword_weights>);
  return reinterpret_cast<Ints>((cost < most ? cost : most) + shift);
}

/// Two vectors of costs as one: the first in the even lanes, the second in the odd ones.
template <int codeword_weights>
[[gnu::always_inline]] inline void keep_costs(std::uint16_t* p, Floats first, Floats second) {
  *reinterpret_cast<Ints*>(p) = (limited<codeword_weights>(first) & 0xFFFF) | (limited<codeword_weights>(second) << 16);
}

/// What is the same for all weights of some octets.
template <int levels>
struct OctetScale {
  Floats of_level[levels];  // scale level
  Floats unit, per_unit;    // error for each unit of cost, and its inverse
};

template <int codeword_weights>
[[gnu::always_inline]] inline auto octet_scale(const ScanInput& in, float shift, int lane) {
  constexpr int levels = codeword_weights == 8 ? 3 : 8;
  constexpr float least_unit = 1e-30f;  // of octets that do not count
  OctetScale<levels> of;
  const Floats scale = load(in.scale + lane);
  of.unit = scale * scale * load(in.block.total_importance + lane) *
                (in.lists.cost_range / static_cast<float>(most_cost<codeword_weights>)) +
            least_unit;
  of.per_unit = 1.0f / of.unit;
  for (int level = 0; level < levels; ++level) of.of_level[level] = scale * (in.lists.levels[level] + shift);
  return of;
}

/// Costs of one weight at each level, in some octets.
template <int levels>
struct LevelCosts {
  Floats plain[levels], turn[levels];
  Floats least;
};

template <bool even, int levels>
[[gnu::always_inline]] inline LevelCosts<levels> level_costs(const ScanBlock& block, const OctetScale<levels>& scale,
                                                             int weight, int lane) {
  LevelCosts<levels> of;
  const Floats x = load(block.magnitude[weight] + lane);
  const Floats importance = load(block.importance[weight] + lane) * scale.per_unit;
  of.least = Floats{} + 3e38f;
  for (int level = 0; level < levels; ++level) {
    const Floats difference = x - scale.of_level[level];
    of.plain[level] = importance * difference * difference;
    of.least = smaller(of.plain[level], of.least);
  }
  for (Floats& cost : of.plain) cost -= of.least;
  if constexpr (even) {
    const Floats turn_of_one = load(block.odd + lane) * (importance * x) * 4.0f;
    for (int level = 0; level < levels; ++level) of.turn[level] = turn_of_one * scale.of_level[level];
  }
  return of;
}

/// For the octets from `lane` on.
template <int codeword_weights, bool even>
[[gnu::always_inline]] inline void weigh(const ScanInput& in, float shift, int lane, WeightCosts& costs) {
  constexpr int levels = codeword_weights == 8 ? 3 : 8;
  const OctetScale<levels> scales[2] = {octet_scale<codeword_weights>(in, shift, lane),
                                        octet_scale<codeword_weights>(in, shift, lane + lanes)};
  Floats least[2] = {};
  for (int weight = 0; weight < 8; ++weight) {
    const LevelCosts<levels> of[2] = {level_costs<even>(in.block, scales[0], weight, lane),
                                      level_costs<even>(in.block, scales[1], weight, lane + lanes)};
    for (int level = 0; level < levels; ++level) {
      keep_costs<codeword_weights>(costs.plain[weight][level], of[0].plain[level], of[1].plain[level]);
      if constexpr (even) keep_costs<codeword_weights>(costs.turn[weight][level], of[0].turn[level], of[1].turn[level]);
    }
    for (int part = 0; part < 2; ++part) least[part] += of[part].least;
  }
  for (int part = 0; part < 2; ++part) {
    costs.least[part] = least[part];
    costs.unit[part] = scales[part].unit;
  }
}

/// Of some weights, by their pattern.
template <int patterns>
struct PatternCosts {
  Costs plain[patterns], turn[patterns];
};

template <int levels, bool even>
[[gnu::always_inline]] inline PatternCosts<levels> of_weight(const WeightCosts& costs, int weight) {
  PatternCosts<levels> of;
  for (int level = 0; level < levels; ++level) {
    of.plain[level] = load(costs.plain[weight][level]);
    if constexpr (even) of.turn[level] = load(costs.turn[weight][level]);
  }
  return of;
}

/// A quarter of a codeword: two weights with three levels, or one with eight.
template <int codeword_weights, bool even>
[[gnu::always_inline]] inline auto of_quarter(const WeightCosts& costs, int weight) {
  if constexpr (codeword_weights == 4) {
    return of_weight<8, even>(costs, weight);
  } else {
    const auto first = of_weight<3, even>(costs, weight), second = of_weight<3, even>(costs, weight + 1);
    PatternCosts<9> of;
    for (int pattern = 0; pattern < 9; ++pattern) {
      of.plain[pattern] = first.plain[pattern % 3] + second.plain[pattern / 3];
      if constexpr (even) of.turn[pattern] = smaller(first.turn[pattern % 3], second.turn[pattern / 3]);
    }
    return of;
  }
}

template <int codeword_weights>
constexpr int patterns_of_quarter = codeword_weights == 8 ? 9 : 8;

/// The upper half that starts at `weight` of the octet.
template <int codeword_weights, bool even>
[[gnu::always_inline]] inline void keep_upper(const WeightCosts& costs, int weight, UpperCosts& upper) {
  for (int quarter = 0; quarter < 2; ++quarter) {
    const auto of = of_quarter<codeword_weights, even>(costs, weight + quarter * (codeword_weights / 4));
    for (int pattern = 0; pattern < patterns_of_quarter<codeword_weights>; ++pattern) {
      store(upper.plain[quarter][pattern], of.plain[pattern]);
      if constexpr (even) store(upper.turn[quarter][pattern], of.turn[pattern]);
    }
  }
}

[[gnu::always_inline]] inline Costs row(const CostRow* table, std::uint16_t entry) {
  constexpr std::size_t unit = pass / 8;
  return load(reinterpret_cast<const std::uint16_t*>(reinterpret_cast<const char*>(table) + unit * entry));
}

template <int patterns>
[[gnu::always_inline]] inline void take_minima(const CodebookLists& lists, CostRow* rows) {
#pragma GCC unroll 4
  for (int i = 0; i < lists.minimum_count; ++i)
    store(rows[patterns + i], smaller(row(rows, lists.minima[i].a), row(rows, lists.minima[i].b)));
}

/// The lower half that starts at `weight` of the octet.
template <int codeword_weights, bool even>
void keep_lower(const CodebookLists& lists, const WeightCosts& costs, int weight, LowerCosts& lower) {
  constexpr int patterns = patterns_of_quarter<codeword_weights>;
  const auto first = of_quarter<codeword_weights, even>(costs, weight);
  const auto second = of_quarter<codeword_weights, even>(costs, weight + codeword_weights / 4);
  for (int j = 0; j < patterns; ++j)
    for (int i = 0; i < patterns; ++i) {
      const Costs plain = first.plain[i] + second.plain[j];
      store(lower.plain[j * patterns + i], plain);
      if constexpr (even) store(lower.turned[j * patterns + i], plain + smaller(first.turn[i], second.turn[j]));
    }
  take_minima<patterns * patterns>(lists, lower.plain);
  if constexpr (even) take_minima<patterns * patterns>(lists, lower.turned);
}

/// The best codeword of each lane: its cost, its chunk, the cost of its lower half, and in which table that is found.
struct Best {
  Costs cost, lower, chunk, turned_in_lower;
};

[[gnu::always_inline]] inline Costs least_of_pair(const CodebookLists::Pair& pair, const CostRow* rows) {
  return smaller(row(rows, pair.a), row(rows, pair.b));
}

[[gnu::always_inline]] inline Costs least_of_chunk(const CodebookLists& lists, const CodebookLists::Chunk& chunk,
                                                   const CostRow* rows) {
  Costs least = least_of_pair(lists.terms[chunk.first_term], rows);
  for (std::size_t i = chunk.first_term + 1; i < chunk.last_term; ++i) {
    least = smaller(row(rows, lists.terms[i].a), least);
    least = smaller(row(rows, lists.terms[i].b), least);
  }
  return least;
}

[[gnu::always_inline]] inline void take_better(Best& best, Costs cost, Costs lower, Costs chunk) {
  const auto is_better = cost < best.cost;
  best.cost = is_better ? cost : best.cost;
  best.lower = is_better ? lower : best.lower;
  best.chunk = is_better ? chunk : best.chunk;
}

/// Searches all codewords, with all signs as they are (`plain`) and with one turned.
template <bool want_plain, bool want_turned>
[[gnu::always_inline]] inline void search(const CodebookLists& lists, const LowerCosts& lower, const UpperCosts& upper,
                                          Best& plain, Best& turned) {
  plain = turned = Best{Costs{} + std::uint16_t{65535}, Costs{}, Costs{}, Costs{}};
  Costs number{};
  for (int i = 0; i < lists.chunk_count; ++i, number += 1) {
    const CodebookLists::Chunk chunk = lists.chunks[i];
    const auto of_upper = [&chunk](const auto& costs, int quarter) __attribute__((always_inline)) {
      return load(costs[quarter][chunk.upper[quarter]]);
    };
    const Costs high = of_upper(upper.plain, 0) + of_upper(upper.plain, 1);
    const Costs low = least_of_chunk(lists, chunk, lower.plain);
    if constexpr (want_plain) take_better(plain, high + low, low, number);
    if constexpr (want_turned) {
      const Costs low_turned = least_of_chunk(lists, chunk, lower.turned);
      const Costs in_upper = high + smaller(of_upper(upper.turn, 0), of_upper(upper.turn, 1)) + low;
      const Costs in_lower = high + low_turned;
      const auto is_lower = in_lower < in_upper, is_better = smaller(in_upper, in_lower) < turned.cost;
      turned.turned_in_lower = is_better ? (is_lower ? Costs{} + 1 : Costs{}) : turned.turned_in_lower;
      take_better(turned, smaller(in_upper, in_lower), is_lower ? low_turned : low, number);
    }
  }
}

/// A codeword of the chunk whose lower half has this cost, for the few lanes where other patterns cost the same.
inline std::uint16_t codeword_by_cost(const std::uint16_t* codewords_of_chunk, const CostRow* table, int lane,
                                      std::uint16_t cost) {
  int pattern = 0;
  while (codewords_of_chunk[pattern] == CodebookLists::no_codeword || table[pattern][lane] != cost) ++pattern;
  return codewords_of_chunk[pattern];
}

/// Finds out which codewords were the best ones, for the lanes of a pass.
template <int codeword_weights, bool even>
[[gnu::always_inline]] inline void name_codewords(const CodebookLists& lists, const Best& best, const LowerCosts& table,
                                                  std::uint16_t* index) {
  constexpr int patterns = patterns_of_quarter<codeword_weights> * patterns_of_quarter<codeword_weights>;
  Costs pattern{}, number{};
#pragma GCC unroll 9
  for (int i = 0; i < patterns; ++i, number += 1) {
    Costs cost = load(table.plain[i]);
    if constexpr (even) cost = best.turned_in_lower != 0 ? load(table.turned[i]) : cost;
    pattern = cost == best.lower ? number : pattern;
  }
  const Costs at = best.chunk * std::uint16_t{CodebookLists::most_patterns} + pattern;
  for (int octet = 0; octet < pass; ++octet) {
    const int lane = lane_of(octet);
    index[octet] = lists.codewords[at[lane]];
    if (index[octet] == CodebookLists::no_codeword)
      index[octet] = codeword_by_cost(lists.codewords + best.chunk[lane] * CodebookLists::most_patterns,
                                      even && best.turned_in_lower[lane] != 0 ? table.turned : table.plain, lane,
                                      best.lower[lane]);
  }
}

}  // namespace
}  // namespace quantbench
