#include "kernels/cuda/device_decode.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "kernels/cuda/testing/padded_tensor.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench::gpu {
namespace {

std::vector<float> decoded_by_runs_of(const PaddedTensor& tensor) {
  std::vector<float> out(tensor.view().weights(), 99.0f);
  formats::for_each_format([&]<class F>(std::size_t layout) {
    if (layout != tensor.view().format->layout) return;
    const PackedMatrix<F> matrix = packed_matrix<F>(tensor.view(), tensor.view().bytes.data());
    for (std::size_t row = 0; row < matrix.rows; ++row)
      for (std::uint32_t run = 0; run < runs_of_row<F>(matrix.shape); ++run) {
        const RunPlace place = place_of_run<F>(matrix.shape, run);
        const RunOfFloats weights = decode_run<F>(matrix, row, place);
        for (int i = 0; i < place.weights; ++i) {
          float& weight = out[row * matrix.shape.cols + place.column + static_cast<std::size_t>(i)];
          EXPECT_EQ(weight, 99.0f) << "decoded twice";
          weight = weights.value[i];
        }
      }
  });
  return out;
}

/// Those that are listed, and integers and tables in groups that the runs of 32 do not divide.
std::vector<std::string> all_ids() {
  std::vector<std::string> ids = format_ids();
  for (int bits = 2; bits <= 8; ++bits)
    for (const char* rest : {"g7", "g33:sym", "g48", "g96:scale=f32", "g1:sym:scale=f32"})
      ids.push_back(fmt::format("int{}:{}", bits, rest));
  for (const char* id : {"nf4:g7", "fp4:g33:scale=f16", "nf4:g1:dq", "fp4:g48:dq", "fp8_e4m3:g31", "fp8_e5m2:g65"})
    ids.push_back(id);
  return ids;
}

/// Row lengths that the format can store: around runs and groups.
std::vector<std::size_t> lengths(const Format& format) {
  std::vector<std::size_t> found;
  for (const std::size_t wanted : {1u, 31u, 33u, 64u, 100u, 257u, 290u}) {
    const std::size_t length = (wanted + format.block - 1) / format.block * format.block;
    if (found.empty() || found.back() != length) found.push_back(length);
  }
  return found;
}

TEST(DeviceDecode, RunsOfAnyBytesHaveTheBitsOfTheFormat) {
  for (const std::string& id : all_ids()) {
    const auto format = find_format(id);
    for (const std::size_t cols : lengths(*format)) {
      const PaddedTensor tensor = PaddedTensor::random(format, 5, cols, 1);
      const std::vector<float> expected = decoded(tensor.view(), 1);
      const std::vector<float> found = decoded_by_runs_of(tensor);
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_TRUE(std::bit_cast<std::uint32_t>(found[i]) == std::bit_cast<std::uint32_t>(expected[i]) ||
                    (std::isnan(found[i]) && std::isnan(expected[i])))
            << id << ", " << cols << " columns, weight " << i << ": " << found[i] << ", expected " << expected[i];
    }
  }
}

TEST(DeviceDecode, SixteenBitFloatsWidenTheSameForAllBits) {
  for (const char* id : {"f16", "bf16"}) {
    const PaddedTensor tensor = PaddedTensor::counting(find_format(id), 64, 1024);
    const std::vector<float> expected = decoded(tensor.view(), 1);
    const std::vector<float> found = decoded_by_runs_of(tensor);
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0) << id;
  }
}

}  // namespace
}  // namespace quantbench::gpu
