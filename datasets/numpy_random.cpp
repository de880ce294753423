#include "datasets/numpy_random.h"

#include <array>
#include <bit>
#include <numeric>
#include <optional>
#include <utility>

namespace quantbench {
namespace {

__extension__ using Uint128 = unsigned __int128;

/// numpy.random.SeedSequence: a seed spread over a pool of four words, from which a generator's state is made.
class SeedSequence {
 public:
  explicit SeedSequence(std::uint32_t seed) {
    Hash hash{0x43b0d7e5u, 0x931e8875u};
    pool_ = {hash(seed), hash(0), hash(0), hash(0)};
    for (std::size_t source = 0; source < pool_.size(); ++source) {
      for (std::size_t target = 0; target < pool_.size(); ++target) {
        if (source != target) pool_[target] = mixed(pool_[target], hash(pool_[source]));
      }
    }
  }

  std::array<std::uint64_t, 4> state() const {
    Hash hash{0x8b51f9ddu, 0x58f38dedu};
    std::array<std::uint64_t, 4> words{};
    for (std::size_t index = 0; index < 8; ++index)
      words[index / 2] |= static_cast<std::uint64_t>(hash(pool_[index % pool_.size()])) << (32 * (index % 2));
    return words;
  }

 private:
  struct Hash {
    std::uint32_t constant;
    std::uint32_t multiplier;
    std::uint32_t operator()(std::uint32_t value) {
      value ^= constant;
      constant *= multiplier;
      value *= constant;
      return value ^ value >> 16;
    }
  };
  static std::uint32_t mixed(std::uint32_t x, std::uint32_t y) {
    const std::uint32_t result = 0xca01f9ddu * x - 0x4973f715u * y;
    return result ^ result >> 16;
  }

  std::array<std::uint32_t, 4> pool_;
};

class Pcg64 {
 public:
  explicit Pcg64(const SeedSequence& seeds) {
    const auto words = seeds.state();
    const Uint128 start = Uint128{words[0]} << 64 | words[1];
    increment_ = (Uint128{words[2]} << 64 | words[3]) << 1 | 1;
    step();
    state_ += start;
    step();
  }

  /// The halves of a 64-bit number one after the other, the lower one first.
  std::uint32_t next32() {
    if (upper_half_) return *std::exchange(upper_half_, std::nullopt);
    const std::uint64_t both = next64();
    upper_half_ = static_cast<std::uint32_t>(both >> 32);
    return static_cast<std::uint32_t>(both);
  }

  /// From 0 to `most`: numbers of as many bits as `most` has, until one is not above it.
  std::uint32_t bounded(std::uint32_t most) {
    const std::uint32_t mask = most == 0 ? 0 : 0xFFFFFFFFu >> std::countl_zero(most);
    std::uint32_t drawn = next32() & mask;
    while (drawn > most) drawn = next32() & mask;
    return drawn;
  }

 private:
  void step() {
    constexpr Uint128 multiplier = Uint128{2549297995355413924ULL} << 64 | 4865540595714422341ULL;
    state_ = state_ * multiplier + increment_;
  }

  std::uint64_t next64() {
    step();
    const auto folded = static_cast<std::uint64_t>(state_ >> 64) ^ static_cast<std::uint64_t>(state_);
    return std::rotr(folded, static_cast<int>(state_ >> 122));
  }

  Uint128 state_ = 0;
  Uint128 increment_ = 0;
  std::optional<std::uint32_t> upper_half_;
};

}  // namespace

std::vector<std::uint32_t> numpy_permutation(std::uint32_t seed, std::uint32_t count) {
  Pcg64 generator{SeedSequence(seed)};
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (std::uint32_t last = count; last-- > 1;) std::swap(order[last], order[generator.bounded(last)]);
  return order;
}

}  // namespace quantbench
