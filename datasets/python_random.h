// Random numbers of CPython's module `random`, because published calibration and evaluation sets are drawn with them.
#pragma once

#include <cstdint>
#include <random>

namespace quantbench {

/// `random.seed(seed)` and `random.randint`, from CPython 3.2 on: the Mersenne Twister MT19937 seeded by init_by_array
/// (Matsumoto and Nishimura 1998; their reference code of 2002), and rejection of the top bits that are too large.
class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed);

  /// An integer from `low` to `high`, both included; high - low < 2^32 - 1. Throws Error when high < low.
  std::uint64_t randint(std::uint64_t low, std::uint64_t high);

 private:
  std::mt19937 engine_;
};

}  // namespace quantbench
