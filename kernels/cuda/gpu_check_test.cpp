#include "kernels/cuda/gpu_check.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/half.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

TEST(DeviceCheck, DecodedWeightsHaveToHaveTheSameBits) {
  const TensorData weights = synthetic_tensor(find_format("q4_k"), 3, 256, 1);
  std::vector<float> out = decoded(weights.view(), 1);
  EXPECT_NO_THROW(check_against_cpu(Op::decode, weights.view(), {}, out));
  out[300] = std::nextafter(out[300], 2.0f);
  EXPECT_THROW(check_against_cpu(Op::decode, weights.view(), {}, out), Error);
  out.pop_back();
  EXPECT_THROW(check_against_cpu(Op::decode, weights.view(), {}, out), Error);
}

/// Sums in f32, one after another, over what `round` makes of the numbers.
template <class Round>
std::vector<float> product_of(const Tensor& weights, std::span<const float> x, const Round& round) {
  const std::vector<float> w = decoded(weights, 1);
  std::vector<float> out;
  for (std::size_t b = 0; b < x.size() / weights.cols; ++b)
    for (std::size_t row = 0; row < weights.rows; ++row) {
      float sum = 0;
      for (std::size_t i = 0; i < weights.cols; ++i)
        sum = std::fma(round(x[b * weights.cols + i]), round(w[row * weights.cols + i]), sum);
      out.push_back(sum);
    }
  return out;
}

TEST(DeviceCheck, ProductsMayBeOffByRoundingButNoMore) {
  const auto exact = [](float number) { return number; };
  const auto to_bf16 = [](float number) { return bf16_to_f32(f32_to_bf16(number)); };
  for (const char* id : {"q4_1", "int4:g50", "f16"}) {
    const TensorData weights = synthetic_tensor(find_format(id), 7, 320, 1);
    const std::vector<float> x = synthetic_values(3 * 320, 2);
    const MatrixView activations{x, 3, 320};
    std::vector<float> out = product_of(weights.view(), x, exact);
    EXPECT_NO_THROW(check_against_cpu(Op::matvec, weights.view(), activations, out)) << id;
    EXPECT_THROW(check_against_cpu(Op::matmul_bf16, weights.view(), activations, out), Error) << id;
    out = product_of(weights.view(), x, to_bf16);
    EXPECT_NO_THROW(check_against_cpu(Op::matmul_bf16, weights.view(), activations, out)) << id;
    EXPECT_THROW(check_against_cpu(Op::matvec, weights.view(), activations, out), Error) << id;
    out.back() = std::nanf("");
    EXPECT_THROW(check_against_cpu(Op::matmul_bf16, weights.view(), activations, out), Error) << id;
  }
}

TEST(DeviceCheck, OfManyRowsTheFirstAndTheLastAreLookedAt) {
  const TensorData weights = synthetic_tensor(find_format("q8_0"), 50, 32, 1);
  for (const std::size_t row : {0u, 49u}) {
    std::vector<float> out = decoded(weights.view(), 1);
    out[row * 32 + 5] += 1;
    EXPECT_THROW(check_against_cpu(Op::decode, weights.view(), {}, out, {3, 3}), Error) << row;
  }
}

}  // namespace
}  // namespace quantbench
