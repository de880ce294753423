// The list of all format descriptions. Adding a format is its header and a line here.
//
// Format::layout is the index in `All`, so a kernel keeps one table entry for each:
//   for_each_format([&]<class F>(std::size_t layout) { table[layout] = &kernel<F, MyLanes>; });
#pragma once

#include <utility>

#include "quantizers/formats/bf16.h"
#include "quantizers/formats/double_quantized.h"
#include "quantizers/formats/f16.h"
#include "quantizers/formats/f32.h"
#include "quantizers/formats/float_levels.h"
#include "quantizers/formats/fp4.h"
#include "quantizers/formats/fp8.h"
#include "quantizers/formats/integer.h"
#include "quantizers/formats/iq1_m.h"
#include "quantizers/formats/iq1_s.h"
#include "quantizers/formats/iq2_s.h"
#include "quantizers/formats/iq2_xs.h"
#include "quantizers/formats/iq2_xxs.h"
#include "quantizers/formats/iq3_s.h"
#include "quantizers/formats/iq3_xxs.h"
#include "quantizers/formats/iq4_nl.h"
#include "quantizers/formats/iq4_xs.h"
#include "quantizers/formats/mxfp4.h"
#include "quantizers/formats/nf4.h"
#include "quantizers/formats/nvfp4.h"
#include "quantizers/formats/q1_0.h"
#include "quantizers/formats/q2_0.h"
#include "quantizers/formats/q2_k.h"
#include "quantizers/formats/q3_k.h"
#include "quantizers/formats/q4_0.h"
#include "quantizers/formats/q4_1.h"
#include "quantizers/formats/q4_k.h"
#include "quantizers/formats/q5_0.h"
#include "quantizers/formats/q5_1.h"
#include "quantizers/formats/q5_k.h"
#include "quantizers/formats/q6_k.h"
#include "quantizers/formats/q8_0.h"
#include "quantizers/formats/q8_1.h"
#include "quantizers/formats/q8_k.h"
#include "quantizers/formats/tq1_0.h"
#include "quantizers/formats/tq2_0.h"

namespace quantbench::formats {

template <class... F>
struct List {
  static constexpr std::size_t size = sizeof...(F);
};

template <class... A, class... B>
constexpr List<A..., B...> operator+(List<A...>, List<B...>) {
  return {};
}

using Fixed =
    List<F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ4_NL, IQ4_XS, TQ1_0,
         TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0, IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S>;

template <bool symmetric, class Scale>
using IntegersOf = List<Integer<2, symmetric, Scale>, Integer<3, symmetric, Scale>, Integer<4, symmetric, Scale>,
                        Integer<5, symmetric, Scale>, Integer<6, symmetric, Scale>, Integer<7, symmetric, Scale>,
                        Integer<8, symmetric, Scale>>;
using Integers = decltype(IntegersOf<false, HalfScale>{} + IntegersOf<true, HalfScale>{} +
                          IntegersOf<false, FloatScale>{} + IntegersOf<true, FloatScale>{});

using Tables = List<FloatLevels<NF4, FloatScale>, FloatLevels<NF4, HalfScale>, DoubleQuantized<NF4>,
                    FloatLevels<FP4, FloatScale>, FloatLevels<FP4, HalfScale>, DoubleQuantized<FP4>,
                    FloatLevels<E4M3, FloatScale>, FloatLevels<E5M2, FloatScale>>;

/// Those with groups of any size.
using Grouped = decltype(Integers{} + Tables{});
using All = decltype(Fixed{} + Grouped{});

/// visit.operator()<F>(index in All) for all descriptions of a list that starts at `first` in All.
template <class... F, class Visit>
void for_each_format(List<F...>, std::size_t first, Visit&& visit) {
  (visit.template operator()<F>(first++), ...);
}
template <class Visit>
void for_each_format(Visit&& visit) {
  for_each_format(All{}, 0, visit);
}

}  // namespace quantbench::formats
