#include "core/matmul/matmul_f32.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "core/error.h"

namespace quantbench {
namespace {

struct Shape {
  std::size_t m, n, k;
};

/// Rows are longer than their contents, so that a kernel which reads or writes past them is seen.
struct Product {
  std::vector<float> a, b, c;
  MatmulF32 call;

  Product(Shape shape, SumOrder order, std::uint32_t seed) {
    call.m = shape.m, call.n = shape.n, call.k = shape.k, call.order = order;
    call.a_stride = shape.k + 3, call.b_stride = shape.k + 1, call.c_stride = shape.n + 2;
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    a.resize(shape.m * call.a_stride), b.resize(shape.n * call.b_stride);
    for (float& value : a) value = normal(random);
    for (float& value : b) value = normal(random);
    call.a = a.data(), call.b = b.data();
  }

  std::vector<std::uint32_t> run(int threads, Isa isa) {
    c.assign(call.m * call.c_stride, untouched);
    call.c = c.data();
    matmul_f32(call, threads, isa);
    return bits(c);
  }

  std::vector<std::uint32_t> expected() const {
    std::vector<float> result(call.m * call.c_stride, untouched);
    for (std::size_t i = 0; i < call.m; ++i)
      for (std::size_t j = 0; j < call.n; ++j) {
        float sum = 0;
        for (std::size_t step = 0; step < call.k; ++step) {
          const std::size_t k = call.order == SumOrder::ascending ? step : call.k - 1 - step;
          sum = std::fma(a[i * call.a_stride + k], b[j * call.b_stride + k], sum);
        }
        result[i * call.c_stride + j] = sum;
      }
    return bits(result);
  }

  static std::vector<std::uint32_t> bits(const std::vector<float>& values) {
    std::vector<std::uint32_t> all;
    for (const float value : values) all.push_back(std::bit_cast<std::uint32_t>(value));
    return all;
  }

  static constexpr float untouched = 1234.5f;
};

const Shape shapes[] = {{1, 1, 1},    {1, 64, 32},   {2, 5, 3},     {3, 33, 17},   {5, 31, 255},
                        {6, 16, 256}, {7, 32, 257},  {12, 65, 100}, {13, 17, 513}, {25, 96, 600},
                        {64, 64, 64}, {241, 40, 70}, {11, 300, 40}};

TEST(MatmulF32, EveryIsaThreadCountAndOrderGivesTheBitsOfOneFusedChain) {
  std::uint32_t seed = 1;
  for (const Shape& shape : shapes)
    for (const SumOrder order : {SumOrder::ascending, SumOrder::descending}) {
      Product product(shape, order, seed++);
      const auto expected = product.expected();
      for (const Isa isa : available_isas())
        for (const int threads : {1, 2, 3})
          EXPECT_EQ(product.run(threads, isa), expected)
              << to_string(isa) << ", " << threads << " threads, " << shape.m << " x " << shape.n << " x " << shape.k;
    }
}

TEST(MatmulF32, ARowDoesNotDependOnTheBatch) {
  for (const Isa isa : available_isas()) {
    Product batch({29, 50, 300}, SumOrder::ascending, 7);
    const auto whole = batch.run(2, isa);
    for (std::size_t row = 0; row < batch.call.m; ++row) {
      Product single = batch;
      single.call.m = 1;
      single.call.a = single.a.data() + row * single.call.a_stride;
      single.call.b = single.b.data();
      const auto alone = single.run(1, isa);
      const auto* in_batch = whole.data() + row * batch.call.c_stride;
      EXPECT_TRUE(std::equal(alone.begin(), alone.begin() + 50, in_batch)) << to_string(isa) << ", row " << row;
    }
  }
}

TEST(MatmulF32, NegativeZeroAndInfinityFollowTheChain) {
  for (const Isa isa : available_isas()) {
    Product product({2, 3, 2}, SumOrder::ascending, 1);
    for (float& value : product.a) value = -0.0f;
    product.b[0] = std::numeric_limits<float>::infinity();
    const auto expected = product.expected();
    const auto found = product.run(1, isa);
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(found[i] == expected[i] ||
                  (std::isnan(std::bit_cast<float>(found[i])) && std::isnan(std::bit_cast<float>(expected[i]))));
  }
}

TEST(MatmulF32, AnEmptySumIsZero) {
  for (const Isa isa : available_isas()) {
    Product product({2, 3, 0}, SumOrder::ascending, 1);
    EXPECT_EQ(product.run(1, isa), product.expected());
  }
}

TEST(MatmulF32, AMissingIsaIsAnError) {
  Product product({1, 1, 1}, SumOrder::ascending, 1);
  if (available_isas().size() == 3) {
    EXPECT_NO_THROW(product.run(1, Isa::avx512));
  } else {
    EXPECT_THROW(product.run(1, Isa::avx512), Error);
  }
}

}  // namespace
}  // namespace quantbench
