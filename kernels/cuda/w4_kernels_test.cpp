// Repacked 4-bit weights, and their kernels run on the CPU thread by thread (testing/emulated_grid.h).
#include "kernels/cuda/w4_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/cuda/gpu_check.h"
#include "kernels/cuda/testing/emulated_grid.h"
#include "kernels/cuda/w4_repack.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench::gpu {
namespace {

/// Aligned as on a device.
struct Repacked {
  TensorData original;
  W4Layout layout;
  std::vector<FourWords> words;

  Repacked(const char* id, std::size_t rows, std::size_t cols)
      : original(synthetic_tensor(find_format(id), rows, cols, 3)),
        layout(w4_layout(*original.view().format, rows, cols)),
        words((layout.bytes() + sizeof(FourWords) - 1) / sizeof(FourWords)) {
    repack_w4(original.view(), std::as_writable_bytes(std::span(words)).first(layout.bytes()), 2);
  }
  W4Matrix view() const { return {layout, reinterpret_cast<const std::byte*>(words.data())}; }
};

struct Place {
  std::size_t output, column;
};

/// Of weight `which` of a lane's pair in a piece, from where the PTX ISA says that mma.m16n8k16 has its numbers.
Place place_of(unsigned lane, unsigned word, unsigned pair, unsigned which) {
  const unsigned group = lane / 4, of_group = lane % 4;
  const unsigned output = word < 2 ? group : group + 8;
  const unsigned multiplication = word % 2 * 2 + pair / 2;  // of 16 columns each
  return {output, 16 * multiplication + (pair % 2 == 0 ? 0u : 8u) + of_group * 2 + which};
}

/// What the kernels take for the weight.
float weight_of(const W4Matrix& matrix, std::size_t output_piece, std::size_t column_piece, const Place& at,
                unsigned code) {
  const std::uint32_t affine = matrix.affines(output_piece, column_piece * W4Layout::columns + at.column)[at.output];
  return W4Matrix::scale_of(affine) *
         (128 + static_cast<float>(code) - bf16_to_f32(static_cast<std::uint16_t>(affine >> 16)));
}

TEST(W4Repack, EveryWeightIsWhereTheMatrixUnitsWantIt) {
  for (const char* id : {"int4:g128", "int4:g64:sym", "int4:g32", "int4:g96", "int4:row", "int4:tensor:sym"}) {
    const Repacked repacked(id, 21, 200);
    const W4Matrix matrix = repacked.view();
    const std::vector<float> expected = decoded(repacked.original.view(), 1);
    std::vector<int> found(expected.size());
    for (std::size_t output_piece = 0; output_piece < 2; ++output_piece)
      for (std::size_t column_piece = 0; column_piece < 4; ++column_piece)
        for (unsigned lane = 0; lane < 32; ++lane) {
          const FourWords words = matrix.codes(output_piece, column_piece, lane);
          for (unsigned i = 0; i < 4 * 8; ++i) {
            const unsigned word = i / 8, pair = i % 8 / 2, which = i % 2;
            const Place at = place_of(lane, word, pair, which);
            const std::size_t row = output_piece * 16 + at.output, column = column_piece * 64 + at.column;
            if (row >= 21 || column >= 200) continue;
            const unsigned code = words.word[word] >> (4 * pair + 16 * which) & 15;
            EXPECT_EQ(weight_of(matrix, output_piece, column_piece, at, code), expected[row * 200 + column]) << id;
            ++found[row * 200 + column];
          }
        }
    EXPECT_TRUE(std::ranges::all_of(found, [](int count) { return count == 1; })) << id;
  }
}

TEST(W4Repack, IsOfFourBitIntegersWhoseGroupsAreWholeRuns) {
  for (const char* id : {"int4:g128", "int4:g96", "int4:g32:sym", "int4:row", "int4:tensor"})
    EXPECT_TRUE(has_w4_kernels(*find_format(id))) << id;
  for (const char* id : {"int4:g50", "int4:g128:scale=f32", "int3:g128", "q4_0", "nf4:g64", "f16"}) {
    EXPECT_FALSE(has_w4_kernels(*find_format(id))) << id;
    EXPECT_THROW(static_cast<void>(w4_layout(*find_format(id), 16, 256)), Error) << id;
  }
}

TEST(W4Repack, TakesFourBytesForTheAffineOfAGroup) {
  const W4Layout layout = w4_layout(*find_format("int4:g128"), 8192, 28672);
  EXPECT_EQ(layout.bytes(), std::size_t{8192} * 28672 / 128 * (64 + 4));
}

/// Codes of all values, zero points of all values: the numbers that enter the matrix units are exact.
TEST(W4Kernels, CodesBecomeIntegersInBf16) {
  const EmulatedThread thread(0);
  for (int zero = -8; zero < 8; ++zero) {
    const std::uint32_t affine = static_cast<std::uint32_t>(f32_to_bf16(static_cast<float>(136 + zero))) << 16;
    for (std::uint32_t code = 0; code < 16; ++code)
      for (unsigned pair = 0; pair < 4; ++pair) {
        const std::uint32_t word = code << (4 * pair) | (15 - code) << (16 + 4 * pair);
        const std::uint32_t numbers = w4_pair(thread, word, pair, W4Matrix::excess_of(affine));
        EXPECT_EQ(bf16_to_f32(static_cast<std::uint16_t>(numbers & 0xFFFF)),
                  static_cast<float>(code) - 8 - static_cast<float>(zero));
        EXPECT_EQ(bf16_to_f32(static_cast<std::uint16_t>(numbers >> 16)),
                  7 - static_cast<float>(code) - static_cast<float>(zero));
      }
  }
}

class Product {
 public:
  Product(const char* id, const KernelShape& shape)
      : weights_(id, shape.outputs, shape.inputs), shape_(shape), x_(synthetic_values(shape.batch * shape.inputs, 4)) {}

  std::vector<float> multiply(bool descending) const {
    std::vector<float> y(shape_.batch * shape_.outputs, 99.0f);
    W4Activations rounded{shape_.batch, shape_.inputs};
    std::vector<FourWords> memory(rounded.bytes() / sizeof(FourWords));
    rounded.words = memory.data()->word;
    const RoundW4Arguments rounding{rounded, x_.data(), shape_.inputs};
    run_emulated({RoundW4Kernel::blocks(rounding), RoundW4Kernel::threads, 0, descending},
                 [&](const EmulatedThread& thread) { RoundW4Kernel::run(thread, rounding); });
    const W4Arguments arguments{weights_.view(), rounded, y.data(), shape_.outputs};
    if (weights_.layout.steps_have_one_group())
      multiply<1>(arguments, descending);
    else
      multiply<2>(arguments, descending);
    return y;
  }

  void expect_right(std::span<const float> y) const {
    EXPECT_NO_THROW(check_against_cpu(Op::matmul_w4a16, weights_.original.view(), {x_, shape_.batch, shape_.inputs}, y,
                                      {1'000'000, 1'000'000}));
  }

 private:
  template <unsigned spans>
  void multiply(const W4Arguments& arguments, bool descending) const {
    using Matvec = W4MatvecKernel<spans>;
    using Matmul = W4MatmulKernel<spans>;
    if (shape_.batch <= Matvec::rows)
      run_emulated({Matvec::blocks(arguments), Matvec::threads, Matvec::shared_bytes, descending},
                   [&](const EmulatedThread& thread) { Matvec::run(thread, arguments); });
    else
      run_emulated({Matmul::blocks(arguments), Matmul::threads, 0, descending},
                   [&](const EmulatedThread& thread) { Matmul::run(thread, arguments); });
  }

  Repacked weights_;
  KernelShape shape_;
  std::vector<float> x_;
};

TEST(W4Kernels, AreAsAccurateAsStatedForAnyBatch) {
  for (const char* id :
       {"int4:g128", "int4:g128:sym", "int4:g64", "int4:g32", "int4:g96:sym", "int4:row", "int4:tensor:sym"})
    for (const std::size_t batch : {1u, 3u, 8u, 21u}) {
      const Product product(id, {35, 1100, batch});
      product.expect_right(product.multiply(batch == 3));
    }
}

TEST(W4Kernels, ShortRowsAndSeveralTiles) {
  for (const KernelShape& shape : {KernelShape{1, 1, 1}, {1, 33, 9}, {16, 64, 8}, {130, 64, 131}}) {
    const Product product("int4:g32", shape);
    const std::vector<float> y = product.multiply(false);
    product.expect_right(y);
    EXPECT_EQ(product.multiply(true), y) << to_string(shape);
  }
}

}  // namespace
}  // namespace quantbench::gpu
