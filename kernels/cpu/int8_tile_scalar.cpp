#include "core/vector_scalar.h"
#include "kernels/cpu/int8_tile_impl.h"

namespace quantbench {
namespace {

struct Int8TileScalar {
  using V = VectorScalar;
  using Sums = std::int32_t;
  static constexpr std::size_t vectors = 4, rows = 2;
  static constexpr bool bits_are_floats = false;

  static float load_words(const void* from) {
    float word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
  }
  static void store_words(void* to, float word) { __builtin_memcpy(to, &word, sizeof word); }
  static float subtract(float word, int) { return word; }  // no shift here
  static Sums start(const std::int32_t* sum) { return *sum; }
  static const std::int8_t* broadcast(const std::int8_t* x) { return x; }
  static void add_products(Sums& sum, float codes, const std::int8_t* x) {
    std::uint8_t four[4];
    __builtin_memcpy(four, &codes, sizeof four);
    for (int i = 0; i < 4; ++i) sum += four[i] * x[i];
  }
  static float floats(Sums sum) { return static_cast<float>(sum); }
};

}  // namespace

Int8TileKernel int8_tile_scalar(const CodeTraits& traits) { return tile_kernel<Int8TileScalar>(traits, 0); }

}  // namespace quantbench
