#include "models/architectures/blocks/soft_cap.h"

#include <algorithm>

#include "models/architectures/blocks/exponential.h"

namespace quantbench {
namespace {

template <std::size_t Width>
[[gnu::always_inline]] inline void cap_at(float* values, float cap, float twice_scale) {
  Simd<float, Width> x;
  load<float, Width>(values, x);
  x = x * twice_scale;
  exponential<float, Width>(x);
  x = cap - 2.0f * cap / (x + 1.0f);
  store<float, Width>(x, values);
}

}  // namespace

void soft_cap(std::span<float> values, float cap, float scale, Isa isa) {
  with_simd(
      isa, [&](auto width) __attribute__((always_inline)) {
        constexpr std::size_t lanes = width();
        const float twice_scale = 2.0f * scale / cap;
        std::size_t index = 0;
        for (; index + lanes <= values.size(); index += lanes) cap_at<lanes>(&values[index], cap, twice_scale);
        if (index == values.size()) return;
        float rest[lanes] = {};
        std::copy(&values[index], values.data() + values.size(), rest);
        cap_at<lanes>(rest, cap, twice_scale);
        std::copy_n(rest, values.size() - index, &values[index]);
      });
}

}  // namespace quantbench
