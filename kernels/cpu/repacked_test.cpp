#include "kernels/cpu/repacked.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/half.h"
#include "kernels/cpu/int8_activations.h"
#include "kernels/synthetic.h"
#include "kernels/testing/int8_reference.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

std::vector<FormatPointer> repacked_formats() {
  std::vector<FormatPointer> found;
  for (const std::string& id : format_ids())
    if (const auto format = find_format(id); is_repacked(*format, Isa::scalar)) found.push_back(format);
  return found;
}

std::vector<Isa> isas_of(const Format& format) {
  std::vector<Isa> found;
  for (const Isa isa : available_isas())
    if (is_repacked(format, isa)) found.push_back(isa);
  return found;
}

/// Around the units and, for blocks of 32, within one.
std::vector<std::size_t> lengths(const Format& format) {
  std::set<std::size_t> found;
  for (const std::size_t wanted : {1u, 100u, 257u, 290u})
    found.insert((wanted + format.block - 1) / format.block * format.block);
  return {found.begin(), found.end()};
}

struct RepackedCase {
  TensorData tensor;
  LargePages<std::byte> bytes;
  RepackedTensor repacked;

  explicit RepackedCase(TensorData packed) : tensor(std::move(packed)), bytes(repack(tensor.view(), 2)) {
    repacked = {tensor.view().format, tensor.view().rows, tensor.view().cols, bytes};
  }

  std::vector<float> times(const std::vector<float>& x, int threads, Isa isa) const {
    const std::size_t batch = x.size() / repacked.cols;
    std::vector<float> y(batch * repacked.rows, 99.0f);
    matvec_repacked({&repacked, x.data(), repacked.cols, y.data(), repacked.rows, batch}, threads, isa);
    return y;
  }
};

TEST(Repacked, FormatsOfQAndKAndCodebooks) {
  std::vector<std::string> ids;
  for (const FormatPointer& format : repacked_formats()) ids.push_back(format->id);
  EXPECT_THAT(ids, testing::UnorderedElementsAre("q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k",
                                                 "q6_k", "iq4_nl", "iq4_xs", "iq3_s", "iq3_xxs", "iq2_s", "iq2_xs",
                                                 "iq2_xxs", "iq1_s", "iq1_m"));
}

TEST(Repacked, BytesAreThoseOfTheLayout) {
  const auto bytes = [](const char* id) { return repacked_bytes(*find_format(id), 4096, 4096); };
  const auto packed = [](const char* id) { return find_format(id)->tensor_bytes(4096, 4096); };
  for (const char* id : {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q4_k", "q5_k", "q6_k", "iq4_nl"})
    EXPECT_EQ(bytes(id), packed(id)) << id;
  EXPECT_EQ(bytes("q3_k"), packed("q3_k") / 110 * 114);    // scales of six bits are bytes
  EXPECT_EQ(bytes("iq3_s"), packed("iq3_s") / 110 * 134);  // four bits a weight, eight nibbles, d
  EXPECT_EQ(bytes("iq1_m"), packed("iq1_m") / 56 * 78);    // two bits a weight, 32 shifts, 16 nibbles, d
  EXPECT_EQ(repacked_bytes(*find_format("q8_0"), 17, 288), 2u * 2 * 16 * 272);  // whole bands and units
}

/// Activations with a single 127 have the scale 1, so each output is 127 times one weight.
TEST(Repacked, HoldsTheWeightsAsTheyWere) {
  for (const FormatPointer& format : repacked_formats())
    for (const std::size_t cols : {lengths(*format).front(), lengths(*format).back()}) {
      const RepackedCase test(synthetic_tensor(format, 19, cols, 11));
      const std::vector<float> weights = decoded(test.tensor.view(), 1);
      std::vector<float> x(cols * cols);
      for (std::size_t column = 0; column < cols; ++column) x[column * cols + column] = 127;
      const UnpackedRow first(test.tensor.view(), 0);
      const float size = *std::max_element(first.scales.begin(), first.scales.end()) * 256 * 127;
      for (const Isa isa : isas_of(*format)) {
        const std::vector<float> y = test.times(x, 1, isa);
        for (std::size_t column = 0; column < cols; ++column)
          for (std::size_t row = 0; row < 19; ++row)
            ASSERT_NEAR(y[column * 19 + row], weights[row * cols + column] * 127, 0x1p-20f * size)
                << format->id << ", " << to_string(isa) << ", row " << row << ", column " << column << " of " << cols;
      }
    }
}

TEST(Repacked, IsAsAccurateAsStatedAndARowDoesNotDependOnBatchOrThreads) {
  constexpr std::size_t batch = 6;
  for (const FormatPointer& format : repacked_formats())
    for (const std::size_t cols : lengths(*format))
      for (const std::size_t rows : {1u, 16u, 35u}) {
        const RepackedCase test(synthetic_tensor(format, rows, cols, 3));
        const std::vector<float> x = synthetic_values(batch * cols, 4);
        const Int8Activations rounded = round_activations(x.data(), batch, cols, cols, 1);
        const double steps = static_cast<double>((cols + 255) / 256) + 24;
        for (const Isa isa : isas_of(*format)) {
          const std::vector<float> y = test.times(x, 2, isa);
          for (std::size_t b = 0; b < batch; ++b) {
            const auto of_row = x.begin() + static_cast<std::ptrdiff_t>(b * cols);
            const std::vector<float> alone = test.times({of_row, of_row + static_cast<std::ptrdiff_t>(cols)}, 1, isa);
            for (std::size_t row = 0; row < rows; ++row) {
              EXPECT_EQ(alone[row], y[b * rows + row]) << format->id << ", " << to_string(isa);
              const ExactProduct exact = UnpackedRow(test.tensor.view(), row).times(rounded, b);
              ASSERT_NEAR(y[b * rows + row], exact.sum, 0x1p-24 * steps * exact.magnitude)
                  << format->id << ", " << to_string(isa) << ", row " << row << " of " << rows << " x " << cols;
            }
          }
        }
      }
}

TEST(Repacked, ScalesThatAreNotFiniteStayVisible) {
  for (const char* id : {"q4_0", "q4_k", "q6_k"}) {
    const FormatPointer format = find_format(id);
    TensorData tensor = synthetic_tensor(format, 18, 512, 5);
    std::byte* const d = tensor.row(17).row + (format->id == "q6_k" ? 208 : 0);
    const std::uint16_t infinite = f32_to_f16(std::numeric_limits<float>::infinity());
    std::memcpy(d, &infinite, sizeof infinite);
    const RepackedCase test(std::move(tensor));
    for (const Isa isa : isas_of(*format)) {
      const std::vector<float> y = test.times(synthetic_values(512, 6), 1, isa);
      EXPECT_TRUE(std::isfinite(y[16])) << id;
      EXPECT_FALSE(std::isfinite(y[17])) << id;
    }
  }
}

TEST(Repacked, OtherFormatsAndInstructionSetsAreRefused) {
  EXPECT_THROW(repacked_bytes(*find_format("f16"), 16, 256), Error);
  EXPECT_THROW(repack(synthetic_tensor(find_format("int4:g128"), 16, 256, 1).view(), 1), Error);
  for (const Isa isa : available_isas()) {
    if (is_repacked(*find_format("q4_0"), isa)) continue;
    const RepackedCase test(synthetic_tensor(find_format("q4_0"), 16, 256, 1));
    EXPECT_THROW(test.times(synthetic_values(256, 2), 1, isa), Error) << to_string(isa);
  }
}

}  // namespace
}  // namespace quantbench
