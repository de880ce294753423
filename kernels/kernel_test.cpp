#include "kernels/kernel.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <set>

#include "core/error.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/isa_kernels.h"
#include "kernels/synthetic.h"
#include "kernels/testing/exact_product.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

/// All bit patterns are valid blocks, so random bytes reach scales that no encoder writes: infinite, subnormal, NaN.
TensorData random_bytes(const FormatPointer& format, std::size_t rows, std::size_t cols, std::uint32_t seed) {
  TensorData tensor("w", rows, cols, format);
  std::mt19937 random(seed);
  std::byte* bytes = const_cast<std::byte*>(tensor.view().bytes.data());
  for (std::size_t i = 0; i < tensor.view().bytes.size(); ++i) bytes[i] = static_cast<std::byte>(random() & 0xFF);
  return tensor;
}

/// Equal bits; all NaN count as one, since which payload survives an addition of two depends on the operand order.
bool same_bits(std::span<const float> a, std::span<const float> b) {
  const auto same = [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) || (std::isnan(x) && std::isnan(y));
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

/// Row lengths that the format can store: around the lanes, the groups and the steps of the matrix product.
std::vector<std::size_t> lengths(const Format& format) {
  std::set<std::size_t> found;
  for (const std::size_t wanted : {1u, 31u, 33u, 100u, 257u, 290u})
    found.insert((wanted + format.block - 1) / format.block * format.block);
  return {found.begin(), found.end()};
}

std::vector<Kernel> kernels_of(Op op) {
  std::vector<Kernel> found;
  for (const Kernel& kernel : kernels())
    if (kernel.op == op) found.push_back(kernel);
  return found;
}

TEST(Kernels, EveryFormatHasEveryOpOnEveryIsaOnceUnderItsOwnId) {
  std::set<std::string> ids;
  std::size_t encoders = 0, products_in_integers = 0;
  for (const Kernel& kernel : kernels()) EXPECT_TRUE(ids.insert(kernel.id()).second) << kernel.id();
  for (const std::string& format : format_ids()) {
    const FormatPointer described = find_format(format);
    const bool rounds_plainly = described->two_level == nullptr && described->codebook == nullptr && format != "iq4_nl";
    if (rounds_plainly) ++encoders;
    EXPECT_EQ(ids.contains("encode/" + format + "/scalar"), rounds_plainly) << format;
    for (const Isa isa : available_isas())
      for (const char* op : {"decode", "matvec", "matmul", "matmul_bf16"})
        EXPECT_TRUE(ids.contains(fmt::format("{}/{}/{}", op, format, to_string(isa)))) << op << format;
    const bool in_integers = has_int8_kernels(*described);
    EXPECT_EQ(in_integers, !described->floating_point && described->float_levels.empty() &&
                               (described->group % 32 == 0 || described->group == 16))
        << format;
    for (const Isa isa : available_isas()) {
      for (const char* op : {"matvec_int8", "matmul_int8"})
        EXPECT_EQ(ids.contains(fmt::format("{}/{}/{}", op, format, to_string(isa))), in_integers) << format;
      if (in_integers) products_in_integers += 2;
      const bool repacked = is_repacked(*described, isa);
      EXPECT_EQ(ids.contains(fmt::format("matvec_repacked/{}/{}", format, to_string(isa))), repacked) << format;
      if (repacked) ++products_in_integers;
    }
  }
  for (const Kernel& kernel : kernels())
    if (!kernel.effort.empty()) ++encoders;
  EXPECT_TRUE(ids.contains(fmt::format("encode/q4_k/search-default/{}", to_string(best_isa()))));
  EXPECT_EQ(ids.size(), encoders + products_in_integers + format_ids().size() * 4 * available_isas().size());
}

TEST(Kernels, DecodeIsBitEqualWithTheFormatForAnyBytesAndThreadCount) {
  for (const Kernel& kernel : kernels_of(Op::decode))
    for (const std::size_t cols : lengths(*kernel.format)) {
      const TensorData tensor = random_bytes(kernel.format, 5, cols, 1);
      const std::vector<float> expected = decoded(tensor.view(), 1);
      for (const int threads : {1, 2}) {
        std::vector<float> out(expected.size(), 99.0f);
        KernelOperands operands;
        operands.packed = &tensor.view();
        operands.out = out;
        operands.threads = threads;
        kernel.run(kernel, operands);
        EXPECT_TRUE(same_bits(out, expected)) << kernel.id() << ", " << cols << " columns";
      }
    }
}

TEST(Kernels, PartsOfARowDecodeAsTheyDoInTheWhole) {
  for (const std::string& id : format_ids()) {
    const FormatPointer format = find_format(id);
    const std::size_t cols = lengths(*format).back();
    const TensorData tensor = random_bytes(format, 1, cols, 2);
    const std::vector<float> whole = decoded(tensor.view(), 1);
    for (const Isa isa : available_isas())
      for (const auto& [begin, count] :
           {std::pair<std::size_t, std::size_t>{0, 1}, {7, 20}, {30, 70}, {64, 200}, {99, 150}, {30, cols - 30}}) {
        if (begin + count > cols) continue;
        std::vector<float> out(count + 1, 99.0f);
        isa_kernels(isa).formats[format->layout].decode({format.get(), tensor.view().row(0), cols, begin, count},
                                                        out.data());
        EXPECT_TRUE(same_bits(std::span(out).first(count), std::span(whole).subspan(begin, count)))
            << id << ", " << to_string(isa) << ", " << count << " from " << begin;
        EXPECT_EQ(out.back(), 99.0f) << id << ", " << to_string(isa) << " writes past the end";
      }
  }
}

struct ProductCase {
  TensorData tensor;
  std::vector<float> weights, x;
  std::size_t batch;

  ProductCase(const Kernel& kernel, std::size_t rows, std::size_t cols, std::size_t batch_)
      : tensor(synthetic_tensor(kernel.format, rows, cols, 3)),
        weights(decoded(tensor.view(), 1)),
        x(synthetic_values(batch_ * cols, 4)),
        batch(batch_) {}

  std::vector<float> run(const Kernel& kernel, int threads) const {
    std::vector<float> out(batch * tensor.view().rows, 99.0f);
    KernelOperands operands;
    operands.packed = &tensor.view();
    operands.activations = {x, batch, tensor.view().cols};
    operands.out = out;
    operands.threads = threads;
    kernel.run(kernel, operands);
    return out;
  }

  std::vector<float> dense_product() const {
    const auto [rows, cols] = std::pair(tensor.view().rows, tensor.view().cols);
    std::vector<float> out(batch * rows);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t row = 0; row < rows; ++row) {
        float sum = 0;
        for (std::size_t i = 0; i < cols; ++i) sum = std::fma(x[b * cols + i], weights[row * cols + i], sum);
        out[b * rows + row] = sum;
      }
    return out;
  }
};

TEST(Kernels, MatvecIsAsAccurateAsStated) {
  for (const Kernel& kernel : kernels_of(Op::matvec))
    for (const std::size_t cols : lengths(*kernel.format)) {
      const ProductCase product(kernel, 3, cols, 6);
      expect_exact_product(product.run(kernel, 1), product.x, product.weights, cols, kernel.id());
    }
}

TEST(Kernels, WorkThatIsCutIntoTasksIsEqualForAnyThreadCount) {
  const std::size_t rows = 301, cols = 512;  // several tasks of decode and of matvec, the last one shorter
  for (const Op op : {Op::decode, Op::matvec})
    for (const char* format : {"f16", "q5_1", "int3:g50:sym"})
      for (const Isa isa : available_isas()) {
        const Kernel kernel = find_kernel(op, format, isa);
        const TensorData tensor = synthetic_tensor(kernel.format, rows, cols, 6);
        const std::vector<float> x = synthetic_values(cols, 7);
        std::vector<float> first;
        for (const int threads : {1, 2, 3}) {
          std::vector<float> out(op == Op::decode ? rows * cols : rows, 99.0f);
          KernelOperands operands;
          operands.packed = &tensor.view();
          operands.activations = {x, 1, cols};
          operands.out = out;
          operands.threads = threads;
          kernel.run(kernel, operands);
          if (threads == 1) first = out;
          EXPECT_TRUE(same_bits(out, first)) << kernel.id() << ", " << threads << " threads";
        }
        if (op == Op::decode) {
          EXPECT_TRUE(same_bits(first, decoded(tensor.view(), 1))) << kernel.id();
        }
      }
}

TEST(Kernels, ARowOfMatvecDoesNotDependOnTheBatch) {
  for (const Kernel& kernel : kernels_of(Op::matvec)) {
    const std::size_t rows = 3, cols = lengths(*kernel.format).back();
    ProductCase product(kernel, rows, cols, 8);
    const std::vector<float> whole = product.run(kernel, 1);
    product.batch = 1;
    for (std::size_t b = 0; b < 8; ++b) {
      EXPECT_TRUE(same_bits(product.run(kernel, 1), std::span(whole).subspan(b * rows, rows))) << kernel.id();
      product.x.erase(product.x.begin(), product.x.begin() + static_cast<std::ptrdiff_t>(cols));
    }
  }
}

TEST(Kernels, MatmulIsBitEqualWithDecodingAndTheDenseProduct) {
  for (const Kernel& kernel : kernels_of(Op::matmul)) {
    const std::size_t cols = lengths(*kernel.format).back();
    const ProductCase product(kernel, 35, cols, 3);
    const std::vector<float> expected = product.dense_product();
    for (const int threads : {1, 2})
      EXPECT_TRUE(same_bits(product.run(kernel, threads), expected)) << kernel.id() << ", " << cols << " columns";
  }
}

double relative_rmse(std::span<const float> a, std::span<const float> reference) {
  double error = 0, power = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += std::pow(static_cast<double>(a[i]) - reference[i], 2);
    power += std::pow(static_cast<double>(reference[i]), 2);
  }
  return std::sqrt(error / power);
}

/// Of plain rounding, for weights in -1 .. 1.
float largest_error(const Format& format) {
  if (format.floating_point) return 0.02f;
  if (format.float_levels.empty()) return 10.0f / static_cast<float>(format.level_max - format.level_min);
  float gap = 0;
  for (std::size_t i = 1; i < format.float_levels.size(); ++i)
    gap = std::max(gap, format.float_levels[i] - format.float_levels[i - 1]);
  constexpr float of_scale = 0.03f;  // double quantization
  return gap / 2 / format.value(format.level_max) + of_scale;
}

TEST(Kernels, EncodedWeightsDecodeToNearbyOnesAndDoNotDependOnThreads) {
  for (const Kernel& kernel : kernels_of(Op::encode))
    for (const std::size_t cols : {lengths(*kernel.format).front(), lengths(*kernel.format).back()}) {
      const std::vector<float> weights = synthetic_values(3 * cols, 5);
      std::vector<std::byte> first;
      for (const int threads : {1, 2}) {
        TensorData tensor("w", 3, cols, kernel.format);
        KernelOperands operands;
        operands.encoded = &tensor;
        operands.weights = {weights, 3, cols};
        operands.threads = threads;
        kernel.run(kernel, operands);
        const auto bytes = tensor.view().bytes;
        if (threads == 1) first.assign(bytes.begin(), bytes.end());
        EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), first.begin(), first.end())) << kernel.id();
        if (!kernel.effort.empty()) {  // codebooks of several weights do not meet each of them
          EXPECT_LT(relative_rmse(decoded(tensor.view(), 1), weights), 0.7) << kernel.id();
          continue;
        }
        EXPECT_THAT(decoded(tensor.view(), 1),
                    testing::Pointwise(testing::FloatNear(largest_error(*kernel.format)), weights))
            << kernel.id();
      }
    }
}

TEST(Kernels, FormatsThatAreNotListedHaveKernelsToo) {
  EXPECT_EQ(find_kernel(Op::matvec, "int3:g48:sym", Isa::scalar).id(), "matvec/int3:g48:sym/scalar");
  EXPECT_THROW(find_kernel(Op::matvec, "int9:g48"), Error);
  if (available_isas().size() > 1) {
    EXPECT_THROW(find_kernel(Op::encode, "q4_0", Isa::avx2), Error);
  }
}

TEST(KernelShape, ParsingAndPrintingAreInverses) {
  EXPECT_EQ(to_string(parse_kernel_shape("4096x11008x8")), "4096x11008x8");
  EXPECT_EQ(to_string(parse_kernel_shape("64x32")), "64x32x1");
  for (const char* wrong : {"", "64", "64x", "x64", "64x32x", "64x32x1x1", "64x-1", "64x0", "64 x 32", "64x32y"})
    EXPECT_THROW(parse_kernel_shape(wrong), Error) << wrong;
}

}  // namespace
}  // namespace quantbench
