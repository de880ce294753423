// The kernels of int8_repacked.h, written once over a format description F and lanes L:
//   L::Bytes, L::Integers, L::Floats        64 bytes; 16 numbers of 32 bits, one for each row of a band
//   L::load(p), L::shift_left<n>(bytes), L::shift_right<n>    of whole bytes or wider; what crosses bytes has to be dropped
//   L::keep(mask, bytes), L::select(mask, first, second)      bit by bit, the mask that of each byte
//   L::look_up(table, bytes)                table: 64 bytes, of which that is taken which the lower six bits name
//   L::dot(sums, bytes, quad)               adds four unsigned bytes of each row times the four activations at `quad`
//   L::integer(n), L::subtract_where(bits, integers, n)       n off where the bit is set
//   L::number(x), L::to_floats(integers), L::halves(p), L::small_integers(p)   f16 and int8 of each row
//   L::nibbles(p, shift)                    integers of four bits of the byte of each row, from bit `shift` on
//   L::six_bits<shift>(p), L::upper_bits(p)   of six bits of the word of each row; of bits 30 and 31 of its three words
//   L::add, L::multiply, L::add_product(a, b, sum), L::subtract_product(a, b, sum), L::store(p, floats)
// Compiled once per instruction set; the rules of matmul_tile_impl.h about inline functions hold here too.
#pragma once

#include <utility>

#include "kernels/cpu/fetch_ahead.h"
#include "kernels/cpu/int8_repacked.h"

namespace quantbench {
namespace {

/// Calls visit(std::integral_constant<int, i>) for 0 <= i < count.
template <int count, class Visit>
[[gnu::always_inline]] inline void unrolled(const Visit& visit) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (visit(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, count>{});
}

template <class R, class L>
struct QuadCodes {
  struct alignas(64) Table {
    std::uint8_t bytes[64];
  };
  /// Again and again, so that it does not matter what is above the codes.
  static constexpr Table table = [] {
    Table all{};
    for (int i = 0; i < 64; ++i) all.bytes[i] = static_cast<std::uint8_t>(R::byte_of(i % (1 << R::bits)));
    return all;
  }();

  /// Of a run, the bytes to be multiplied of quad q.
  template <int q>
  [[gnu::always_inline]] static typename L::Bytes load(const std::byte* run) {
    if constexpr (R::bits == 8) return L::load(run + 64 * q);
    const auto codes = with_place<q, 2>(with_place<q, 1>(moved<q, 0>(run), run), run);
    if constexpr (R::by_table) return L::look_up(table.bytes, codes);
    return L::keep((1 << R::bits) - 1, codes);
  }

 private:
  template <int q, std::size_t index>
  [[gnu::always_inline]] static typename L::Bytes with_place(const typename L::Bytes& codes, const std::byte* run) {
    constexpr repacked::Place place = R::places(q)[index];
    if constexpr (place.bits == 0) return codes;
    return L::select((1 << place.from) - 1, codes, moved<q, index>(run));
  }
  template <int q, std::size_t index>
  [[gnu::always_inline]] static typename L::Bytes moved(const std::byte* run) {
    constexpr repacked::Place place = R::places(q)[index];
    constexpr int right = place.shift - place.from;
    const auto bytes = L::load(run + 64 * place.reg);
    if constexpr (right > 0)
      return L::template shift_right<right>(bytes);
    else if constexpr (right < 0)
      return L::template shift_left<-right>(bytes);
    else
      return bytes;
  }
};

/// Of the groups of a unit.
template <class R, class L>
struct GroupScales {
  using Floats = typename L::Floats;
  using Scales = repacked::Scales;
  const std::byte* unit;

  [[gnu::always_inline]] Floats scale(int group) const {
    const std::byte* const scales = unit + R::scales_at;
    const auto index = static_cast<std::size_t>(group);
    if constexpr (R::scales == Scales::halves) return L::halves(scales + index * R::row_values);
    if constexpr (R::scales == Scales::bytes) return L::small_integers(scales + index * band_rows);
    if constexpr (R::scales == Scales::nibbles) return L::nibbles(scales + index * band_rows, 0);
    if constexpr (R::scales == Scales::odd_nibbles)
      return L::add(L::nibbles(scales + index / 2 * band_rows, group % 2 * 4), L::number(0.5f));
  }

  [[gnu::always_inline]] Floats offset(int group) const {
    const std::byte* const scales = unit + R::scales_at;
    const auto index = static_cast<std::size_t>(group);
    if constexpr (R::scales == Scales::halves) return L::halves(scales + (R::groups + index) * R::row_values);
    if constexpr (R::scales == Scales::nibbles) return L::nibbles(scales + index * band_rows, 4);
  }
};

/// Their places are for compile-time group numbers, so all are found beforehand. (With the runs unrolled instead, the compiler gathers
/// what is fetched ahead into one burst, which costs a tenth of the speed.)
template <class R, class L>
requires(R::scales == repacked::Scales::sixes) struct GroupScales<R, L> {
  using Floats = typename L::Floats;
  Floats scales[8], offsets[8];

  [[gnu::always_inline]] explicit GroupScales(const std::byte* unit) {
    unrolled<8>([&](auto group) __attribute__((always_inline)) {
      scales[group] = six<group>(unit + R::scales_at);
      offsets[group] = six<8 + group>(unit + R::scales_at);
    });
  }
  [[gnu::always_inline]] const Floats& scale(int group) const { return scales[group]; }
  [[gnu::always_inline]] const Floats& offset(int group) const { return offsets[group]; }

 private:
  template <int index>
  [[gnu::always_inline]] static Floats six(const std::byte* words) {
    if constexpr (index == repacked::six_in_upper_bits) return L::upper_bits(words);
    constexpr repacked::PlaceOfSix place = repacked::place_of_six(index);
    return L::template six_bits<place.shift>(words + 4 * band_rows * place.word);
  }
};

template <class R, class L, int batch>
struct BandProduct {
  static constexpr int groups_of_run = 32 / R::group, quads = 8 / groups_of_run;
  using Floats = typename L::Floats;
  const RepackedVectors& x;
  Floats sums[batch];

  [[gnu::always_inline]] void add_unit(const std::byte* unit, std::size_t index) {
    Floats of_unit[batch], offsets[batch];
    for (int b = 0; b < batch; ++b) of_unit[b] = offsets[b] = L::number(0);
    Floats* const to = R::multiples ? of_unit : sums;
    Floats* const to_offsets = R::multiples ? offsets : sums;
    fetch_ahead<R::codes_at>(unit);
    const GroupScales<R, L> scales{unit};
    for (int run = 0; run < 8; ++run) {
      const std::byte* const codes = unit + R::codes_at + static_cast<std::size_t>(run) * R::run_bytes;
      fetch_ahead<R::run_bytes>(codes);
      unrolled<groups_of_run>([&](auto half) __attribute__((always_inline)) {
        add_group<half>({unit, codes, scales, index, run}, to, to_offsets);
      });
    }
    if constexpr (R::multiples) add_multiples(unit, of_unit, offsets);
  }

 private:
  struct Run {
    const std::byte *unit, *codes;
    const GroupScales<R, L>& scales;
    std::size_t unit_index;
    int index;
  };
  [[gnu::always_inline]] std::size_t unit_of(int b, const Run& run) const {
    return static_cast<std::size_t>(b) * x.units + run.unit_index;
  }

  template <int half>
  [[gnu::always_inline]] void add_group(const Run& run, Floats* to, Floats* to_offsets) const {
    const int group = run.index * groups_of_run + half;
    typename L::Integers dots[batch];
    for (int b = 0; b < batch; ++b)
      dots[b] = L::integer(x.starts[unit_of(b, run) * R::groups + static_cast<std::size_t>(group)]);
    unrolled<quads>([&](auto quad) __attribute__((always_inline)) {
      constexpr int q = half * quads + quad;
      const auto bytes = QuadCodes<R, L>::template load<q>(run.codes);
      for (int b = 0; b < batch; ++b)
        dots[b] = L::dot(dots[b], bytes, x.values + unit_of(b, run) * repacked_unit + run.index * 32 + 4 * q);
    });
    if constexpr (R::octet_shifts) shift_octets(run, group, dots);
    const Floats scale = run.scales.scale(group);
    for (int b = 0; b < batch; ++b) {
      const Floats of_x = L::number(x.scales[unit_of(b, run) * 8 + static_cast<std::size_t>(run.index)]);
      to[b] = L::add_product(L::to_floats(dots[b]), L::multiply(scale, of_x), to[b]);
    }
    if constexpr (R::has_offset) {
      const Floats offset = run.scales.offset(group);
      for (int b = 0; b < batch; ++b)
        to_offsets[b] = L::add_product(
            offset, L::number(x.sums[unit_of(b, run) * R::groups + static_cast<std::size_t>(group)]), to_offsets[b]);
    }
  }

  [[gnu::always_inline]] void shift_octets(const Run& run, int group, typename L::Integers* dots) const {
    constexpr int octets = R::group / 8;
    for (int i = group * octets; i < (group + 1) * octets; ++i)
      for (int b = 0; b < batch; ++b)
        dots[b] = L::subtract_where(formats::load_u16(run.unit + R::shifts_at + 2 * i), dots[b],
                                    x.octets[unit_of(b, run) * 32 + static_cast<std::size_t>(i)]);
  }

  [[gnu::always_inline]] void add_multiples(const std::byte* unit, const Floats* of_unit, const Floats* offsets) {
    const Floats d = R::factor == 1 ? L::halves(unit) : L::multiply(L::halves(unit), L::number(R::factor));
    for (int b = 0; b < batch; ++b) sums[b] = L::add_product(d, of_unit[b], sums[b]);
    if constexpr (R::has_offset) {
      const Floats dmin = L::halves(unit + R::row_values);
      for (int b = 0; b < batch; ++b) sums[b] = L::subtract_product(dmin, offsets[b], sums[b]);
    }
  }
};

template <class F, class L, int batch>
void dot_bands(const std::byte* band, const RepackedVectors& x, const BandOutputs& out) {
  using R = repacked::Layout<F>;
  for (std::size_t done = 0; done < out.bands; ++done) {
    BandProduct<R, L, batch> product{x, {}};
    for (int b = 0; b < batch; ++b) product.sums[b] = L::number(0);
    for (std::size_t unit = 0; unit < x.units; ++unit, band += R::unit_bytes) product.add_unit(band, unit);
    for (int b = 0; b < batch; ++b)
      L::store(out.first + static_cast<std::size_t>(b) * out.stride + done * band_rows, product.sums[b]);
  }
}

template <class F, class L>
constexpr RepackedKernels repacked_kernels_of() {
  if constexpr (repacked::exists<F>) {
    using R = repacked::Layout<F>;
    return {R::unit_bytes, R::group, R::base, R::octet_shifts, dot_bands<F, L, 1>, dot_bands<F, L, 4>};
  } else {
    return {};
  }
}

template <class L, class... F>
const RepackedKernels* repacked_kernel_table(formats::List<F...>) {
  static constexpr RepackedKernels table[] = {repacked_kernels_of<F, L>()...};
  return table;
}

}  // namespace
}  // namespace quantbench
