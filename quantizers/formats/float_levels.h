// Formats whose levels stand for the numbers of a table: weight = scale * number(level), with a group of any size per scale.
//
// Groups lie as grouped_codes.h says; their affine is the scale, f32 or f16. A table `T` (nf4.h, fp4.h, fp8.h) is
//   T::id, T::bits
//   T::level_min, T::level_max      levels; 0 stands for 0, and larger levels for larger numbers
//   T::numbers[]                    of the levels level_min .. level_max
//   T::code_of(level)               as it is stored
//   T::values<L>(codes)             the numbers of stored codes
#pragma once

#include <cmath>

#include "quantizers/formats/grouped_codes.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

template <class Table>
constexpr float largest_number = Table::numbers[Table::level_max - Table::level_min] > -Table::numbers[0]
                                     ? Table::numbers[Table::level_max - Table::level_min]
                                     : -Table::numbers[0];

/// What formats of a table have in common, however they store their scales.
template <class F, class Table_>
struct TableCodes : GroupedCodes<F, Table_::bits> {
  using Table = Table_;
  using typename GroupedCodes<F, Table_::bits>::Codes;
  static constexpr int level_min = Table::level_min, level_max = Table::level_max;
  static constexpr const auto& float_levels = Table::numbers;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* codes, int i) {
    return Codes::template codes<L>(codes, i);
  }
  [[gnu::always_inline]] static constexpr int tail_level(const std::byte* codes, int i, int weights) {
    return Codes::tail_code(codes, i, weights);
  }
  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Floats values(typename L::Levels codes) {
    return Table::template values<L>(codes);
  }
  static unsigned code_of(std::int8_t level) { return Table::code_of(level); }
};

template <class Table, class Scale_>
struct FloatLevels : TableCodes<FloatLevels<Table, Scale_>, Table> {
  using Scale = Scale_;
  static constexpr bool double_quantized = false;
  static constexpr int affine_bytes = Scale::bytes;

  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* p, int) { return {Scale::load(p), 0}; }

  /// The scale is kept small enough that all weights are finite.
  static Affine round_affine(Affine wanted) {
    constexpr float most = FLT_MAX / largest_number<Table>, largest = Scale::largest < most ? Scale::largest : most;
    const float rounded = nearest_scale<Scale>(wanted.scale);
    return {std::fabs(rounded) > largest ? std::copysign(largest, rounded) : rounded, 0};
  }

  static std::byte* store_affine(Affine affine, std::byte* p) {
    Scale::store(p, affine.scale);
    return p + affine_bytes;
  }
};

}  // namespace quantbench::formats
