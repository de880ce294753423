#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "kernels/cpu/int8_product.h"
#include "kernels/cpu/int8_tile.h"
#include "kernels/synthetic.h"
#include "kernels/testing/int8_reference.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

/// Row lengths around the runs and the units of 256.
std::vector<std::size_t> lengths(const Format& format) {
  std::set<std::size_t> found;
  for (const std::size_t wanted : {1u, 32u, 100u, 257u, 512u, 800u})
    found.insert((wanted + format.block - 1) / format.block * format.block);
  return {found.begin(), found.end()};
}

struct Shape {
  std::size_t outputs, batch;
};

class MatmulCase {
 public:
  MatmulCase(const FormatPointer& format, const Shape& shape, std::size_t cols)
      : tensor_(synthetic_tensor(format, shape.outputs, cols, 3)),
        x_(synthetic_values(shape.batch * cols, 4)),
        rounded_(round_activations(x_.data(), shape.batch, cols, cols, 1)),
        shape_(shape) {
    for (std::size_t row = 0; row < shape.outputs; ++row) {
      const UnpackedRow unpacked(tensor_.view(), row);
      for (std::size_t b = 0; b < shape.batch; ++b) exact_.push_back(unpacked.times(rounded_, b));
    }
  }

  /// Rows of the result lie one number apart, which must stay as it was.
  std::vector<float> multiply(int threads, Isa isa, std::size_t batch) const {
    std::vector<float> y(batch * (shape_.outputs + 1), 99.0f);
    const std::size_t cols = tensor_.view().cols;
    matmul_int8({&tensor_.view(), x_.data(), cols, y.data(), shape_.outputs + 1, batch}, threads, isa);
    return y;
  }

  void expect_near(const std::vector<float>& y, Isa isa) const {
    const Tensor& weights = tensor_.view();
    for (std::size_t b = 0; b < shape_.batch; ++b) {
      const float* const row = y.data() + b * (shape_.outputs + 1);
      for (std::size_t output = 0; output < shape_.outputs; ++output) {
        const ExactProduct& exact = exact_[output * shape_.batch + b];
        ASSERT_NEAR(row[output], exact.sum, 0x1p-24 * (3 * static_cast<double>(rounded_.runs) + 12) * exact.magnitude)
            << weights.format->id << ", " << to_string(isa) << ", " << weights.rows << " x " << weights.cols << " x "
            << shape_.batch << ", output " << output << ", row " << b;
      }
      ASSERT_EQ(row[shape_.outputs], 99.0f) << weights.format->id << ", " << to_string(isa);
    }
  }

 private:
  TensorData tensor_;
  std::vector<float> x_;
  Int8Activations rounded_;
  Shape shape_;
  std::vector<ExactProduct> exact_;
};

TEST(MatmulInt8, IsAsAccurateAsStatedForAnyShape) {
  for (const FormatPointer& format : formats_with_codes())
    for (const std::size_t cols : lengths(*format))
      for (const Shape& shape : {Shape{1, 7}, Shape{17, 3}, Shape{35, 1}, Shape{15, 33}}) {
        const MatmulCase product(format, shape, cols);
        for (const Isa isa : available_isas()) product.expect_near(product.multiply(1, isa, shape.batch), isa);
      }
}

TEST(MatmulInt8, DoesNotDependOnThreadsOrBatch) {
  for (const FormatPointer& format : formats_with_codes()) {
    const Shape shape{100, 13};
    const MatmulCase product(format, shape, lengths(*format).back());
    for (const Isa isa : available_isas()) {
      const std::vector<float> whole = product.multiply(1, isa, shape.batch);
      for (const int threads : {2, 3}) EXPECT_EQ(product.multiply(threads, isa, shape.batch), whole) << format->id;
      for (const std::size_t batch : {1u, 5u, 12u}) {
        const std::vector<float> part = product.multiply(2, isa, batch);
        EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin())) << format->id << ", " << to_string(isa);
      }
    }
  }
}

TEST(MatmulInt8, ManyRowsAreCutIntoTasks) {
  const Shape shape{33, 1030};
  const MatmulCase product(find_format("q5_k"), shape, 512);
  for (const Isa isa : available_isas()) product.expect_near(product.multiply(2, isa, shape.batch), isa);
}

TEST(MatmulInt8, OfNothingIsZeroOrNothing) {
  const TensorData empty = synthetic_tensor(find_format("int4:g32"), 3, 0, 1);
  std::vector<float> y(6, 99.0f);
  matmul_int8({&empty.view(), nullptr, 0, y.data(), 3, 2}, 1);
  EXPECT_EQ(y, std::vector<float>(6, 0.0f));
  matmul_int8({&empty.view(), nullptr, 0, nullptr, 3, 0}, 1);
}

/// Codes and activations of the largest magnitude: nothing may saturate on the way.
TEST(MatmulInt8, LargestNumbersDoNotOverflow) {
  for (const FormatPointer& format : formats_with_codes()) {
    if (format->pack == nullptr) continue;
    for (const int level : {format->level_min, format->level_max}) {
      const TensorData tensor = row_of_level(format, level);
      const std::size_t cols = tensor.view().cols;
      const UnpackedRow unpacked(tensor.view(), 0);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(cols, 127 * sign);
        const ExactProduct exact = unpacked.times(round_activations(x.data(), 1, cols, cols, 1), 0);
        for (const Isa isa : available_isas()) {
          float y = 99;
          matmul_int8({&tensor.view(), x.data(), cols, &y, 1, 1}, 1, isa);
          EXPECT_NEAR(y, exact.sum, 0x1p-24 * (3.0 * static_cast<double>(cols) / 32 + 12) * exact.magnitude)
              << format->id << ", " << to_string(isa);
        }
      }
    }
  }
}

/// One unit of random codes, and 16 rows of activations.
struct TileCase {
  UnpackedRows weights{};
  std::vector<std::int8_t> values = std::vector<std::int8_t>(16 * int8_unit);
  std::vector<float> scales = synthetic_values(16 * int8_unit_runs, 8), sums = std::vector<float>(scales.size());
  std::vector<std::int32_t> integer_sums = std::vector<std::int32_t>(scales.size());

  explicit TileCase(const CodeTraits& traits) {
    auto fill = [seed = 1u](std::span<float> out) mutable {
      const std::vector<float> from = synthetic_values(out.size(), seed++);
      std::copy(from.begin(), from.end(), out.begin());
    };
    for (auto& row : weights.scales) fill(row);
    for (auto& row : weights.offsets) fill(row);
    const auto codes = static_cast<std::uint32_t>(traits.largest_code + 1);
    std::uint32_t random = 1;
    for (auto& row : weights.codes)
      for (std::uint8_t& code : row)
        code = static_cast<std::uint8_t>((random = random * 1664525 + 1013904223) / 65536 % codes);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<std::int8_t>((random = random * 1664525 + 1013904223) / 65536 % 255) - 127;
      integer_sums[i / 32] += values[i];
    }
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = scales[i] * static_cast<float>(integer_sums[i]);
  }

  std::vector<float> multiply(const Int8TileKernel& kernel, const CodeTraits& traits, std::size_t runs,
                              std::size_t rows) {
    Int8Panel panel{};
    kernel.pack(weights, kernel.shift, panel);
    std::vector<std::int32_t> starts;
    for (const std::int32_t sum : integer_sums)
      starts.push_back(kernel.bias + (kernel.shift - (traits.has_offset ? 0 : traits.zero)) * sum);
    std::vector<float> out(16 * int8_panel_outputs, 0.5f);
    kernel.multiply(panel, runs, {values.data(), scales.data(), starts.data(), sums.data(), out.data(), rows});
    out.resize(rows * int8_panel_outputs);
    return out;
  }
};

#if defined(__x86_64__)
TEST(MatmulInt8, MatrixUnitsGiveTheBitsOfVectors) {
  if (!has_amx_byte_products()) GTEST_SKIP() << "this machine has no AMX, or does not let us use it";
  for (const CodeTraits& traits :
       {CodeTraits{15, 1, false, 8}, CodeTraits{255, 1, false, 128}, CodeTraits{255, 1, true, 0}})
    for (const std::size_t runs : {1u, 3u, 8u})
      for (const std::size_t rows : {1u, 16u}) {
        TileCase tile(traits);
        EXPECT_EQ(tile.multiply(int8_tile_amx(traits), traits, runs, rows),
                  tile.multiply(int8_tile_avx512(traits), traits, runs, rows))
            << traits.largest_code << ", " << runs << " runs, " << rows << " rows";
      }
}
#endif

TEST(MatmulInt8, FormatsWithoutIntegerLevelsAreRefused) {
  const TensorData tensor = synthetic_tensor(find_format("f16"), 1, 32, 1);
  const std::vector<float> x(32);
  float y = 0;
  EXPECT_THROW(matmul_int8({&tensor.view(), x.data(), 32, &y, 1, 1}, 1), Error);
}

}  // namespace
}  // namespace quantbench
