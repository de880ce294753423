#include "kernels/cpu/int8_product.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/synthetic.h"
#include "kernels/testing/int8_reference.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

/// Row lengths around the runs and the units of eight runs.
std::vector<std::size_t> lengths(const Format& format) {
  std::set<std::size_t> found;
  for (const std::size_t wanted : {1u, 32u, 100u, 257u, 290u, 512u, 800u})
    found.insert((wanted + format.block - 1) / format.block * format.block);
  return {found.begin(), found.end()};
}

TEST(Int8Activations, AreTheNearestOfTheRun) {
  std::vector<float> x(70);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i * i)) * (i < 32 ? 1.0f : 20.0f);
  const Int8Activations rounded = round_activations(x.data(), 1, x.size(), x.size(), 1);
  ASSERT_EQ(rounded.runs, 3u);
  for (std::size_t run = 0; run < rounded.runs; ++run) {
    float largest = 0, sum = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      const float value = run * 32 + i < x.size() ? x[run * 32 + i] : 0.0f;
      const float back = rounded.scales[run] * static_cast<float>(rounded.values[run * 32 + i]);
      EXPECT_LE(std::fabs(back - value), rounded.scales[run] * 0.5001f);
      largest = std::max(largest, std::fabs(value));
      sum += back;
    }
    EXPECT_FLOAT_EQ(rounded.scales[run], largest / 127);
    EXPECT_NEAR(rounded.sums[run], sum, 1e-4f);
    EXPECT_NEAR(rounded.half_sums[2 * run] + rounded.half_sums[2 * run + 1], sum, 1e-4f);
  }
}

TEST(Int8Activations, OfZerosAreZerosAndWhatIsNotFiniteStaysVisible) {
  std::vector<float> x(96, 0.0f);
  x[40] = std::numeric_limits<float>::quiet_NaN();
  x[70] = std::numeric_limits<float>::infinity();
  const Int8Activations rounded = round_activations(x.data(), 1, x.size(), x.size(), 1);
  EXPECT_EQ(rounded.scales[0], 0);
  EXPECT_EQ(rounded.sums[0], 0);
  EXPECT_TRUE(std::isnan(rounded.scales[1]) && std::isnan(rounded.sums[1]));
  EXPECT_TRUE(std::isnan(rounded.scales[2]) && std::isnan(rounded.half_sums[5]));
}

TEST(Int8Kernels, UnpackGivesCodesAndAffinesOfTheWeights) {
  for (const FormatPointer& format : formats_with_codes())
    for (const std::size_t cols : lengths(*format)) {
      const TensorData tensor = synthetic_tensor(format, 2, cols, 5);
      const std::vector<float> weights = decoded(tensor.view(), 1);
      for (const Isa isa : available_isas()) {
        const Int8Kernels& kernels = int8_kernels(*format, isa);
        const std::size_t begin = cols > 512 && 256 % format->block == 0 ? 256 : 0, count = cols - begin;
        const std::size_t padded = (count + 31) / 32 * 32;
        std::vector<std::uint8_t> codes(padded + 1, 99);
        std::vector<float> scales(padded / kernels.group + 1, 99), offsets(scales);
        kernels.unpack({format.get(), tensor.view().row(1), cols, begin, count},
                       {codes.data(), scales.data(), offsets.data()});
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t group = i / kernels.group;
          const float size = std::fabs(scales[group]) * static_cast<float>(codes[i]) + std::fabs(offsets[group]);
          ASSERT_NEAR(scales[group] * static_cast<float>(codes[i]) + offsets[group], weights[cols + begin + i],
                      2e-7f * size)
              << format->id << ", " << to_string(isa) << ", " << i << " of " << cols;
        }
        for (std::size_t i = count; i < padded; ++i) EXPECT_EQ(codes[i], 0) << format->id;
        EXPECT_EQ(codes.back(), 99) << format->id;
        EXPECT_EQ(scales.back(), 99) << format->id;
        EXPECT_EQ(offsets.back(), 99) << format->id;
      }
    }
}

/// Within the bound of int8_kernels.h on all instruction sets, and a row's product does not depend on batch or threads.
void expect_products(const Tensor& tensor, std::size_t batch) {
  const std::size_t rows = tensor.rows, cols = tensor.cols;
  const std::vector<float> x = synthetic_values(batch * cols, 4);
  const Int8Activations rounded = round_activations(x.data(), batch, cols, cols, 1);
  for (const Isa isa : available_isas()) {
    std::vector<float> y(batch * rows, 99.0f), single(rows);
    matvec_int8({&tensor, x.data(), cols, y.data(), rows, batch}, 2, isa);
    for (std::size_t b = 0; b < batch; ++b) {
      matvec_int8({&tensor, x.data() + b * cols, cols, single.data(), rows, 1}, 1, isa);
      for (std::size_t row = 0; row < rows; ++row) {
        EXPECT_EQ(single[row], y[b * rows + row]) << tensor.format->id << ", " << to_string(isa);
        const ExactProduct exact = UnpackedRow(tensor, row).times(rounded, b);
        ASSERT_NEAR(y[b * rows + row], exact.sum, 0x1p-24 * (static_cast<double>(rounded.runs) + 20) * exact.magnitude)
            << tensor.format->id << ", " << to_string(isa) << ", row " << row << " of " << cols << " columns";
      }
    }
  }
}

TEST(Int8Kernels, MatvecIsAsAccurateAsStatedAndARowDoesNotDependOnBatchOrThreads) {
  for (const FormatPointer& format : formats_with_codes())
    for (const std::size_t cols : lengths(*format)) expect_products(synthetic_tensor(format, 3, cols, 3).view(), 6);
}

TEST(Int8Kernels, GroupsOfAnyNumberOfRuns) {
  for (const char* id : {"int4:g32", "int8:g64", "int3:g64:sym", "int5:g64:scale=f32", "int2:g96", "int7:g128",
                         "int6:g160:sym", "int4:g256", "int3:g512:sym", "int8:g512", "int4:g320"})
    for (const std::size_t cols : {64u, 256u, 300u, 1024u, 1307u})
      expect_products(synthetic_tensor(find_format(id), 3, cols, 3).view(), 5);
}

/// All codewords, signs and scales in all places of a block.
TensorData every_codeword(const FormatPointer& format) {
  const CodebookLayout& layout = *format->codebook;
  const std::size_t codewords = layout.values.size() / static_cast<std::size_t>(layout.codeword_weights);
  TensorData tensor("every codeword", codewords, 256, format);
  for (std::size_t row = 0; row < codewords; ++row) {
    CodebookBlock block;
    block.d = 0.25f;
    for (std::size_t k = 0; k < 64; ++k) block.codewords[k] = static_cast<std::uint16_t>((row + 37 * k) % codewords);
    for (std::size_t k = 0; k < 16; ++k)
      block.scales[k] = static_cast<std::uint8_t>((row + k) % static_cast<std::size_t>(layout.largest_scale + 1));
    for (std::size_t k = 0; k < 32; ++k) {
      unsigned signs = static_cast<unsigned>(7 * row + 29 * k) & 0xFFu;
      if (layout.signs == CodebookSigns::even && std::popcount(signs) % 2 == 1) signs ^= 0x80u;
      block.signs[k] = static_cast<std::uint8_t>(signs);
      const std::size_t shift = layout.shift_of_group ? k / 4 : k;
      block.shifts_down[k] = static_cast<std::uint8_t>((row + shift / 8) >> (shift % 8) & 1u);
    }
    layout.pack_block(block, tensor.row(row).row);
  }
  return tensor;
}

TEST(Int8Kernels, EveryCodewordAndSign) {
  int formats = 0;
  for (const FormatPointer& format : formats_with_codes())
    if (format->codebook != nullptr) {
      expect_products(every_codeword(format).view(), 1);
      ++formats;
    }
  EXPECT_EQ(formats, 7);
}

/// Codes and activations of the largest magnitude: nothing may saturate on the way.
TEST(Int8Kernels, LargestNumbersDoNotOverflow) {
  for (const FormatPointer& format : formats_with_codes()) {
    if (format->pack == nullptr) continue;
    for (const int level : {format->level_min, format->level_max}) {
      const TensorData tensor = row_of_level(format, level);
      const std::size_t cols = tensor.view().cols;
      const std::vector<float> weights = decoded(tensor.view(), 1);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(cols, 127 * sign);
        for (const Isa isa : available_isas()) {
          float y = 99;
          matvec_int8({&tensor.view(), x.data(), cols, &y, 1, 1}, 1, isa);
          const float expected = weights[0] * 127 * sign * static_cast<float>(cols);
          EXPECT_NEAR(y, expected, 1e-5f * 255 * 127 * static_cast<float>(cols))
              << format->id << ", " << to_string(isa);
        }
      }
    }
  }
}

TEST(Int8Kernels, FormatsWithoutRunsOfIntegerLevelsAreRefused) {
  for (const char* id : {"f16", "f32", "nf4:g64", "fp8_e4m3:row", "int4:g48"}) {
    const auto format = find_format(id);
    EXPECT_FALSE(has_int8_kernels(*format)) << id;
    EXPECT_THROW(static_cast<void>(int8_kernels(*format, Isa::scalar)), Error) << id;
  }
  for (const char* id : {"int4:g64", "int4:row", "int3:tensor:sym", "iq4_nl", "mxfp4"})
    EXPECT_TRUE(has_int8_kernels(*find_format(id))) << id;
}

}  // namespace
}  // namespace quantbench
