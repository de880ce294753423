#include "quantizers/solvers/gptq/codeword_choice.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace quantbench::gptq {
namespace {

constexpr std::size_t chunk = 64;

/// What is known of an octet while its coordinates are decided one after the other.
struct Octet {
  const OctetTask& task;
  float inverse[octet];       // 1 / U_ii
  float errors[octet] = {};   // e of decided coordinates
  float targets[octet] = {};  // t
  float values[octet] = {};   // q
  float cost = 0;

  explicit Octet(const OctetTask& octet_task) : task(octet_task) {
    for (std::size_t i = 0; i < octet; ++i) inverse[i] = 1 / task.factor[i * task.stride + i];
  }

  float target(std::size_t i) const {
    float t = task.weights[i];
    for (std::size_t k = 0; k < i; ++k) t -= errors[k] * task.factor[k * task.stride + i];
    return t;
  }

  void decide(std::size_t i, float value) {
    targets[i] = target(i);
    values[i] = value;
    errors[i] = (targets[i] - value) * inverse[i];
    cost += errors[i] * errors[i];
  }
};

enum class Signs { of_target, own };

/// The costs of `chunk` codewords for coordinates [first, first + N), after those before them.
template <std::size_t N, Signs signs>
void cost_of_chunk(const Octet& known, std::size_t first, const float* levels, std::size_t stride, bool even,
                   float* cost) {
  float errors[N][chunk], cheapest_turn[chunk];
  std::uint32_t parity[chunk] = {};
  for (std::size_t c = 0; c < chunk; ++c) {
    cost[c] = 0;
    cheapest_turn[c] = std::numeric_limits<float>::max();
  }
  const float shift = static_cast<float>(known.task.shift), scale = known.task.scale;
  for (std::size_t i = 0; i < N; ++i) {
    const float start = known.target(first + i);  // errors of this chunk's coordinates are still 0 there
    const float inverse = known.inverse[first + i], turn_factor = 4 * inverse * inverse;
    float targets[chunk];
    for (std::size_t c = 0; c < chunk; ++c) targets[c] = start;
    for (std::size_t k = 0; k < i; ++k) {
      const float factor = known.task.factor[(first + k) * known.task.stride + first + i];
      for (std::size_t c = 0; c < chunk; ++c) targets[c] -= errors[k][c] * factor;
    }
    const float* const level = levels + i * stride;
    for (std::size_t c = 0; c < chunk; ++c) {
      const float target = targets[c], magnitude = scale * (level[c] + shift);
      const float value = signs == Signs::own ? magnitude : std::copysign(magnitude, target);
      const float error = (target - value) * inverse;
      errors[i][c] = error;
      cost[c] += error * error;
      if (signs == Signs::of_target) {
        const float turn = std::fabs(target) * magnitude * turn_factor;
        cheapest_turn[c] = turn < cheapest_turn[c] ? turn : cheapest_turn[c];
        std::uint32_t bits;
        std::memcpy(&bits, &target, sizeof(bits));
        parity[c] ^= bits >> 31;
      }
    }
  }
  if (!even) return;
  for (std::size_t c = 0; c < chunk; ++c) cost[c] += parity[c] != 0 ? cheapest_turn[c] : 0.0f;
}

struct Best {
  std::size_t codeword = 0;
  float cost = std::numeric_limits<float>::infinity();
};

template <std::size_t N, Signs signs>
Best best_codeword(const Octet& known, std::size_t first, const std::vector<float>& levels, std::size_t count,
                   bool even) {
  Best best;
  for (std::size_t begin = 0; begin < count; begin += chunk) {
    float cost[chunk];
    cost_of_chunk<N, signs>(known, first, levels.data() + begin, count, even, cost);
    for (std::size_t c = 0; c < chunk; ++c)
      if (cost[c] < best.cost) best = {begin + c, cost[c]};
  }
  return best;
}

OctetChoice finished(const Octet& decided) {
  OctetChoice choice;
  std::memcpy(choice.values, decided.values, sizeof(choice.values));
  std::memcpy(choice.errors, decided.errors, sizeof(choice.errors));
  return choice;
}

Octet with_signs(const OctetTask& task, const float* magnitudes, unsigned signs) {
  Octet decided(task);
  for (std::size_t i = 0; i < octet; ++i) decided.decide(i, (signs >> i & 1) != 0 ? -magnitudes[i] : magnitudes[i]);
  return decided;
}

}  // namespace

CodewordChooser::CodewordChooser(const CodebookLayout& layout) : layout_(layout) {
  count_ = layout.values.size() / width();
  for (std::size_t i = 0; i < width(); ++i)
    for (std::size_t codeword = 0; codeword < count_; ++codeword)
      levels_.push_back(static_cast<float>(layout.values[codeword * width() + i]));
}

OctetChoice CodewordChooser::choose(const OctetTask& task) const {
  if (layout_.signs == CodebookSigns::shifted) return choose_shifted(task);
  Octet decided(task);
  std::uint16_t codewords[2] = {};
  const bool even = layout_.signs == CodebookSigns::even;
  float magnitudes[octet];
  unsigned signs = 0;
  for (std::size_t first = 0; first < octet; first += width()) {
    const Best best = width() == octet ? best_codeword<8, Signs::of_target>(decided, first, levels_, count_, even)
                                       : best_codeword<4, Signs::of_target>(decided, first, levels_, count_, false);
    codewords[first / width()] = static_cast<std::uint16_t>(best.codeword);
    for (std::size_t i = first; i < first + width(); ++i) {
      magnitudes[i] = task.scale * levels_[(i - first) * count_ + best.codeword];
      const bool negative = std::signbit(decided.target(i));
      signs |= (negative ? 1u : 0u) << i;
      decided.decide(i, negative ? -magnitudes[i] : magnitudes[i]);
    }
  }
  if (even && std::popcount(signs) % 2 == 1) {
    unsigned best_signs = 0;
    float least = std::numeric_limits<float>::infinity();
    for (unsigned i = 0; i < octet; ++i) {
      const Octet turned = with_signs(task, magnitudes, signs ^ 1u << i);
      if (turned.cost < least || i == 0) least = turned.cost, best_signs = signs ^ 1u << i;
    }
    signs = best_signs;
  }
  OctetChoice choice = finished(with_signs(task, magnitudes, signs));
  std::memcpy(choice.codewords, codewords, sizeof(codewords));
  choice.signs = static_cast<std::uint8_t>(signs);
  return choice;
}

OctetChoice CodewordChooser::choose_shifted(const OctetTask& task) const {
  Best best;
  int best_shift = 1;
  for (const int shift : {1, -1}) {
    if (task.shift == -shift) continue;
    OctetTask shifted = task;
    shifted.shift = shift;
    const Best found = best_codeword<8, Signs::own>(Octet(shifted), 0, levels_, count_, false);
    if (found.cost < best.cost || task.shift == shift) best = found, best_shift = shift;
  }
  Octet decided(task);
  for (std::size_t i = 0; i < octet; ++i)
    decided.decide(i, task.scale * (levels_[i * count_ + best.codeword] + static_cast<float>(best_shift)));
  OctetChoice choice = finished(decided);
  choice.codewords[0] = static_cast<std::uint16_t>(best.codeword);
  choice.shifted_down = best_shift < 0;
  return choice;
}

}  // namespace quantbench::gptq
