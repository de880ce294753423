#include "kernels/cpu/bf16_product.h"

#include <gmock/gmock.h>

#include <cstring>
#include <numeric>
#include <random>

#include "core/half.h"
#include "kernels/kernel.h"
#include "kernels/synthetic.h"
#include "kernels/testing/exact_product.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

struct Shape {
  std::size_t rows, cols, batch;
};

/// A product and what it is in exact arithmetic over the rounded numbers.
class Bf16Case {
 public:
  Bf16Case(const std::shared_ptr<const Format>& format, const Shape& shape, std::uint32_t seed)
      : shape_(shape),
        tensor_(synthetic_tensor(format, shape.rows, shape.cols, seed)),
        x_(synthetic_values(shape.batch * shape.cols, seed + 1)) {}

  std::vector<float> run(int threads, Isa isa) const { return run_first(shape_.batch, threads, isa); }

  /// Of the first rows of activations only.
  std::vector<float> run_first(std::size_t batch, int threads, Isa isa) const {
    const std::size_t stride = shape_.rows + 3;  // the space between rows is not touched
    std::vector<float> y(batch * stride, 99.0f), out;
    matmul_bf16({&tensor_.view(), x_.data(), shape_.cols, y.data(), stride, batch}, threads, isa);
    for (std::size_t b = 0; b < batch; ++b) {
      out.insert(out.end(), &y[b * stride], &y[b * stride] + shape_.rows);
      EXPECT_THAT(std::span(y).subspan(b * stride + shape_.rows, 3), testing::Each(99.0f));
    }
    return out;
  }

  void expect_within_bound(const std::vector<float>& out, const std::string& id) const {
    expect_exact_product(out, rounded(x_), rounded(decoded(tensor_.view(), 1)), shape_.cols, id);
  }

 private:
  static std::vector<float> rounded(std::vector<float> values) {
    for (float& value : values) value = bf16_to_f32(f32_to_bf16(value));
    return values;
  }

  Shape shape_;
  TensorData tensor_;
  std::vector<float> x_;
};

TEST(MatmulBf16, EveryFormatIsAsAccurateAsStatedOnEveryInstructionSet) {
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    const Bf16Case test(format, {35, 3 * std::lcm<std::size_t>(format->block, 32), 5}, 3);
    for (const Isa isa : available_isas())
      test.expect_within_bound(test.run(1, isa), id + "/" + std::string(to_string(isa)));
  }
}

TEST(MatmulBf16, RandomShapesAreAsAccurateAsStated) {
  std::mt19937 random(1);
  const auto up_to = [&](std::size_t most) { return 1 + random() % most; };
  for (int round = 0; round < 40; ++round) {
    const Shape shape{up_to(150), up_to(700), up_to(70)};
    const Bf16Case test(find_format("int4:row"), shape, static_cast<std::uint32_t>(round));
    for (const Isa isa : available_isas()) test.expect_within_bound(test.run(1, isa), std::string(to_string(isa)));
  }
}

TEST(MatmulBf16, DependsNeitherOnThreadsNorOnTheBatch) {
  const Shape shape{300, 512, 530};  // several tasks in both directions, none of them whole
  const Bf16Case test(find_format("q4_0"), shape, 5);
  for (const Isa isa : available_isas()) {
    const std::vector<float> one = test.run(1, isa);
    EXPECT_EQ(test.run(3, isa), one) << to_string(isa);
    for (const std::size_t batch : {1, 17, 513}) {
      const std::vector<float> fewer = test.run_first(batch, 2, isa);
      EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), one.begin())) << to_string(isa) << ", " << batch << " rows";
    }
  }
}

TEST(MatmulBf16, OfNothingIsZeroOrNothing) {
  const TensorData empty = synthetic_tensor(find_format("int4:g32"), 3, 0, 1);
  for (const Isa isa : available_isas()) {
    std::vector<float> y(6, 99.0f);
    matmul_bf16({&empty.view(), nullptr, 0, y.data(), 3, 2}, 1, isa);
    EXPECT_EQ(y, std::vector<float>(6, 0.0f)) << to_string(isa);
    matmul_bf16({&empty.view(), nullptr, 0, nullptr, 3, 0}, 1, isa);
  }
}

// 1 + 2^-8 lies halfway between two numbers of bf16 and goes to the even one, 1; 1 + 3 * 2^-8 goes to 1 + 2^-6.
TEST(MatmulBf16, RoundsBothSidesToNearestEven) {
  TensorData weights("w", 2, 32, find_format("f32"));
  for (std::size_t row = 0; row < 2; ++row) {
    const float first = row == 0 ? 1.0f + 0x1p-8f : 1.0f + 3 * 0x1p-8f;
    std::memcpy(weights.row(row).row, &first, sizeof first);
  }
  std::vector<float> x(64, 0.0f), y(4);
  x[0] = 3.0f;
  x[32] = -(1.0f + 3 * 0x1p-8f);
  for (const Isa isa : available_isas()) {
    matmul_bf16({&weights.view(), x.data(), 32, y.data(), 2, 2}, 1, isa);
    const float up = 1.0f + 0x1p-6f;
    EXPECT_THAT(y, testing::ElementsAre(3.0f, 3.0f * up, -up, -up * up)) << to_string(isa);
  }
}

}  // namespace
}  // namespace quantbench
