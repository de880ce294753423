#include "datasets/python_random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

constexpr std::size_t state_words = 624;

/// Fills the engine's state with what init_by_array makes of a seed; std::mt19937 takes the words as they are.
class InitByArray {
 public:
  using result_type = std::uint32_t;

  explicit InitByArray(std::uint64_t seed) {
    key_.push_back(static_cast<std::uint32_t>(seed));
    if (seed >> 32 != 0) key_.push_back(static_cast<std::uint32_t>(seed >> 32));
  }

  template <class Iterator>
  void generate(Iterator begin, Iterator /*end*/) {
    std::array<std::uint32_t, state_words> state;
    state[0] = 19650218u;
    for (std::uint32_t i = 1; i < state_words; ++i) state[i] = 1812433253u * mixed(state[i - 1]) + i;
    std::size_t i = 1;
    const auto step = [&] {
      if (++i < state_words) return;
      state[0] = state[state_words - 1];
      i = 1;
    };
    for (std::size_t k = 0, j = 0; k < state_words; ++k, j = (j + 1) % key_.size()) {
      state[i] = (state[i] ^ (mixed(state[i - 1]) * 1664525u)) + key_[j] + static_cast<std::uint32_t>(j);
      step();
    }
    for (std::size_t k = 0; k < state_words - 1; ++k) {
      state[i] = (state[i] ^ (mixed(state[i - 1]) * 1566083941u)) - static_cast<std::uint32_t>(i);
      step();
    }
    state[0] = 0x80000000u;
    std::ranges::copy(state, begin);
  }

 private:
  static std::uint32_t mixed(std::uint32_t word) { return word ^ word >> 30; }

  std::vector<std::uint32_t> key_;
};

std::mt19937 seeded(std::uint64_t seed) {
  InitByArray words(seed);
  return std::mt19937(words);
}

}  // namespace

PythonRandom::PythonRandom(std::uint64_t seed) : engine_(seeded(seed)) {}

std::uint64_t PythonRandom::randint(std::uint64_t low, std::uint64_t high) {
  if (high < low) fail("no integer from {} to {}", low, high);
  const std::uint64_t count = high - low + 1;
  if (count > 0xFFFFFFFFu) fail("{} integers from {} to {} are too many to draw from", count, low, high);
  const auto bits = static_cast<int>(std::bit_width(count));
  std::uint64_t drawn = count;
  while (drawn >= count) drawn = engine_() >> (32 - bits);
  return low + drawn;
}

}  // namespace quantbench
