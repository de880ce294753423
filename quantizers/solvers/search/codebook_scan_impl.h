// The loops of codebook_scan.h for one instruction set: included by codebook_scan_{scalar,avx2,avx512}.cpp. See lanes16.h
// for what such files must not do.
#pragma once

#include "quantizers/solvers/search/codebook_costs_impl.h"
#include "quantizers/solvers/search/codebook_pool_impl.h"
#include "quantizers/solvers/search/codebook_scan.h"

namespace quantbench {
namespace {

float largest_magnitude(const float* values) {
  Floats largest{};
  for (int i = 0; i < 8 * octets_of_block; i += lanes) {
    Floats value;
    __builtin_memcpy(&value, values + i, sizeof value);
    largest = larger(larger(value, -value), largest);
  }
  float result = 0;
  for (int lane = 0; lane < lanes; ++lane) result = largest[lane] > result ? largest[lane] : result;
  return result;
}

void load_block(const BlockSource& source, ScanBlock& block) {
  for (int octet = 0; octet < octets_of_block; ++octet)
    for (int i = 0; i < 8; ++i) {
      block.magnitude[i][octet] = source.weights[8 * octet + i];
      block.importance[i][octet] = source.importance[8 * octet + i];
    }
  for (int lane = 0; lane < octets_of_block; lane += lanes) {
    Floats total{}, energy{};
    Ints negative{};
    for (int i = 0; i < 8; ++i) {
      const Floats weight = load(block.magnitude[i] + lane) * source.weight_factors[0] * source.weight_factors[1];
      const Floats importance =
          load(block.importance[i] + lane) * source.importance_factors[0] * source.importance_factors[1];
      total += importance;
      energy += importance * weight * weight;
      negative |= (weight < 0.0f) & (1 << i);
      store(block.magnitude[i] + lane, source.is_signed ? weight : larger(weight, -weight));
      store(block.importance[i] + lane, importance);
    }
    store(block.total_importance + lane, total);
    store(block.energy + lane, energy);
    *reinterpret_cast<Ints*>(block.negative + lane) = negative;
  }
}

/// The levels of each half octet as four bytes.
template <int codeword_weights>
[[gnu::always_inline]] inline void gather_levels(const CodebookLists& lists, const ScanResult& result,
                                                 int (*levels)[octets_of_block]) {
  for (int lane = 0; lane < octets_of_block; ++lane)
    for (int half = 0; half < 2; ++half)
      __builtin_memcpy(
          &levels[half][lane],
          lists.values + (codeword_weights == 4 ? 4 * result.index[half][lane] : 8 * result.index[0][lane] + 4 * half),
          4);
}

/// Sums over the octet for the codewords found: error, a, b, and which sign to turn.
template <int codeword_weights, bool even>
void sum_codewords(const ScanInput& in, ScanResult& result) {
  alignas(64) int levels[2][octets_of_block];
  gather_levels<codeword_weights>(in.lists, result, levels);
  for (int lane = 0; lane < octets_of_block; lane += lanes) {
    Floats error{}, a{}, b{}, least = Floats{} + 3e38f;
    Ints turned{};
    const Floats scale = load(in.scale + lane), shift = load(result.shift + lane);
    for (int weight = 0; weight < 8; ++weight) {
      const Ints of_half = *reinterpret_cast<const Ints*>(levels[weight / 4] + lane);
      const Floats level =
          __builtin_convertvector((of_half << (24 - weight % 4 * 8)) >> 24, Floats) + shift;  // keeps the byte's sign
      const Floats importance = load(in.block.importance[weight] + lane);
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
  WeightCosts costs;
  LowerCosts lower;
  UpperCosts upper;
  for (int lane = 0; lane < octets_of_block; lane += pass) {
    weigh<8, even>(in, 0, lane, costs);
    keep_lower<8, even>(in.lists, costs, 0, lower);
    keep_upper<8, even>(costs, 4, upper);
    Best plain, turned;
    search<!even, even>(in.lists, lower, upper, plain, turned);
    name_codewords<8, even>(in.lists, even ? turned : plain, lower, result.index[0] + lane);
  }
  for (float& shift : result.shift) shift = 0;
  sum_codewords<8, even>(in, result);
}

/// Codewords with one shift for all weights, and about what error they have.
struct alignas(64) Shifted {
  std::uint16_t index[octets_of_block];
  float error[octets_of_block];
};

inline void find_shifted(const ScanInput& in, float shift, Shifted& found) {
  WeightCosts costs;
  LowerCosts lower;
  UpperCosts upper;
  for (int lane = 0; lane < octets_of_block; lane += pass) {
    weigh<8, false>(in, shift, lane, costs);
    keep_lower<8, false>(in.lists, costs, 0, lower);
    keep_upper<8, false>(costs, 4, upper);
    Best best, unused;
    search<true, false>(in.lists, lower, upper, best, unused);
    name_codewords<8, false>(in.lists, best, lower, found.index + lane);
    const Ints cost = reinterpret_cast<Ints>(best.cost);
    const Ints of_part[2] = {cost & 0xFFFF, (cost >> 16) & 0xFFFF};
    for (int part = 0; part < 2; ++part)
      store(found.error + lane + part * lanes,
            (costs.least[part] + __builtin_convertvector(of_part[part], Floats)) * costs.unit[part]);
  }
}

void scan_shifted(const ScanInput& in, ScanResult& result) {
  Shifted up, down;
  find_shifted(in, 1, up);
  find_shifted(in, -1, down);
  alignas(64) float gain_of_up[octets_of_block];
  for (int lane = 0; lane < octets_of_block; lane += lanes)
    store(gain_of_up + lane, load(down.error + lane) - load(up.error + lane));
  if (in.octets_of_shift == 4)
    for (float* of = gain_of_up; of < gain_of_up + octets_of_block; of += 4)
      of[0] = of[1] = of[2] = of[3] = of[0] + of[1] + (of[2] + of[3]);
  for (int lane = 0; lane < octets_of_block; lane += lanes) {
    const Ints is_down = load(gain_of_up + lane) < 0.0f;
    const HalfCosts take_down = __builtin_convertvector(is_down, HalfCosts);
    const auto of = [lane](const std::uint16_t* index) { return *reinterpret_cast<const HalfCosts*>(index + lane); };
    *reinterpret_cast<HalfCosts*>(result.index[0] + lane) = (of(up.index) & ~take_down) | (of(down.index) & take_down);
    store(result.shift + lane, is_down ? Floats{} - 1.0f : Floats{} + 1.0f);
  }
  sum_codewords<8, false>(in, result);
}

/// Turns the sign in the quad where that costs less. Where none has to be turned, turning costs nothing in either.
[[gnu::always_inline]] inline void choose_quad(const Best (&turned)[2], Best (&plain)[2]) {
  const auto is_second = turned[1].cost - plain[1].cost < turned[0].cost - plain[0].cost;
  const auto choose = [](auto condition, const Best& yes, const Best& no) __attribute__((always_inline)) {
    return Best{condition ? yes.cost : no.cost, condition ? yes.lower : no.lower, condition ? yes.chunk : no.chunk,
                condition ? yes.turned_in_lower : no.turned_in_lower};
  };
  plain[0] = choose(is_second, plain[0], turned[0]);
  plain[1] = choose(is_second, turned[1], plain[1]);
}

template <bool even>
void scan_quads(const ScanInput& in, ScanResult& result) {
  WeightCosts costs;
  LowerCosts lower[2];
  UpperCosts upper;
  for (int lane = 0; lane < octets_of_block; lane += pass) {
    weigh<4, even>(in, 0, lane, costs);
    Best best[2], turned[2];
    for (int quad = 0; quad < 2; ++quad) {
      keep_lower<4, even>(in.lists, costs, 4 * quad, lower[quad]);
      keep_upper<4, even>(costs, 4 * quad + 2, upper);
      search<true, even>(in.lists, lower[quad], upper, best[quad], turned[quad]);
    }
    if constexpr (even) choose_quad(turned, best);
    for (int quad = 0; quad < 2; ++quad)
      name_codewords<4, even>(in.lists, best[quad], lower[quad], result.index[quad] + lane);
  }
  for (float& shift : result.shift) shift = 0;
  sum_codewords<4, even>(in, result);
}

constexpr CodebookKernels kernels_of_this_file{
    largest_magnitude, load_block,       scan_octets<false>, scan_octets<true>, scan_shifted,
    scan_quads<false>, scan_quads<true>, add_to_pool,        pool_gains,        choose_scales};

}  // namespace
}  // namespace quantbench
