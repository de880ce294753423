// The kernels as they are, run on the CPU thread by thread (testing/emulated_grid.h).
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <type_traits>

#include "kernels/cuda/decode_kernel.h"
#include "kernels/cuda/matmul_kernel.h"
#include "kernels/cuda/matvec_kernel.h"
#include "kernels/cuda/testing/emulated_grid.h"
#include "kernels/cuda/testing/padded_tensor.h"
#include "kernels/kernel.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench::gpu {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

/// visit.operator()<F>() for the description of the format.
template <class Visit>
void with_description(const Format& format, Visit&& visit) {
  formats::for_each_format([&]<class F>(std::size_t layout) {
    if (layout == format.layout) visit.template operator()<F>();
  });
}

/// Of each description in formats::All one format: those of Grouped in groups that give short runs.
std::vector<FormatPointer> one_of_each() {
  std::vector<FormatPointer> found;
  for (const std::string& id : format_ids()) {
    const FormatPointer format = find_format(id);
    if (format->gguf_type) found.push_back(format);
  }
  for (int bits = 2; bits <= 8; ++bits)
    for (const char* rest : {"g50", "g128:sym", "row:scale=f32", "tensor:sym:scale=f32"})
      found.push_back(find_format("int" + std::to_string(bits) + ":" + rest));
  for (const char* id : {"nf4:g50", "nf4:g64:scale=f16", "nf4:g50:dq", "fp4:row", "fp4:g50:scale=f16", "fp4:g64:dq",
                         "fp8_e4m3:g50", "fp8_e5m2:tensor"})
    found.push_back(find_format(id));
  EXPECT_EQ(found.size(), formats::All::size);
  return found;
}

/// More than one step of a kernel, and an end that does not fill the last, where the format allows it.
std::size_t columns_for(const Format& format, std::size_t step) {
  return (step + step / 8 + format.block - 1) / format.block * format.block;
}

std::vector<float> decoded_by_kernel(const PaddedTensor& tensor, bool descending) {
  std::vector<float> out(tensor.view().weights(), 99.0f);
  with_description(*tensor.view().format, [&]<class F>() {
    const DecodeArguments<F> arguments{packed_matrix<F>(tensor.view(), tensor.view().bytes.data()), out.data()};
    run_emulated(
        {DecodeKernel::blocks(arguments.weights), DecodeKernel::threads, DecodeKernel::shared_bytes<F>, descending},
        [&](const EmulatedThread& thread) { DecodeKernel::run(thread, arguments); });
  });
  return out;
}

TEST(EmulatedKernels, DecodeIsBitEqualWithTheFormat) {
  for (const FormatPointer& format : one_of_each()) {
    const PaddedTensor tensor = PaddedTensor::random(format, 5, columns_for(*format, DecodeKernel::threads), 1);
    const std::vector<float> expected = decoded(tensor.view(), 1);
    for (const bool descending : {false, true}) {
      const std::vector<float> found = decoded_by_kernel(tensor, descending);
      for (std::size_t i = 0; i < found.size(); ++i)
        ASSERT_TRUE(std::bit_cast<std::uint32_t>(found[i]) == std::bit_cast<std::uint32_t>(expected[i]) ||
                    (std::isnan(found[i]) && std::isnan(expected[i])))
            << format->id << ", weight " << i << ": " << found[i] << ", expected " << expected[i];
    }
  }
}

/// A product and what it is held to: the exact one, and the sum of magnitudes that its rounding is measured by.
struct ProductCase {
  PaddedTensor tensor;
  std::size_t batch;
  std::vector<float> x;
  std::vector<double> exact, magnitude;  // (batch, rows)

  ProductCase(const FormatPointer& format, const KernelShape& shape)
      : tensor(synthetic_tensor(format, shape.outputs, shape.inputs, 3).view()),
        batch(shape.batch),
        x(synthetic_values(batch * tensor.view().cols, 4)) {}

  /// round(number): what the kernel makes of weights and activations before it multiplies.
  template <class Round>
  void compute(const Round& round) {
    const std::size_t rows = tensor.view().rows, cols = tensor.view().cols;
    const std::vector<float> weights = decoded(tensor.view(), 1), offsets = offsets_of_weights();
    exact.assign(batch * rows, 0), magnitude.assign(batch * rows, 0);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t i = 0; i < cols; ++i) {
          const double activation = round(x[b * cols + i]), weight = round(weights[row * cols + i]);
          const double offset = std::fabs(static_cast<double>(offsets[row * cols + i]));
          exact[b * rows + row] += weight * activation;
          magnitude[b * rows + row] += (std::fabs(weight) + 2 * offset) * std::fabs(activation);
        }
  }

  void expect_near(std::span<const float> out, double units, const std::string& what) const {
    for (std::size_t i = 0; i < out.size(); ++i)
      ASSERT_NEAR(out[i], exact[i], 0x1p-24 * units * magnitude[i])
          << what << ", " << tensor.view().format->id << ", output " << i % tensor.view().rows << " of row "
          << i / tensor.view().rows;
  }

 private:
  /// Of each weight: its group's; abs(scale level) is at most abs(weight) + abs(offset).
  std::vector<float> offsets_of_weights() const {
    std::vector<float> offsets(tensor.view().weights());
    with_description(*tensor.view().format, [&]<class F>() {
      if constexpr (!F::floating_point) {
        if (!F::has_offset) return;
        const PackedMatrix<F> matrix = packed_matrix<F>(tensor.view(), tensor.view().bytes.data());
        for (std::size_t row = 0; row < matrix.rows; ++row)
          for (std::uint32_t run = 0; run < runs_of_row<F>(matrix.shape); ++run) {
            const RunPlace place = place_of_run<F>(matrix.shape, run);
            const PackedRun<F> packed = load_run<F>(matrix, row, place);
            for (int i = 0; i < place.weights; ++i)
              offsets[row * matrix.shape.cols + place.column + static_cast<std::size_t>(i)] =
                  packed.affine_of_word(i / 4).offset;
          }
      }
    });
    return offsets;
  }
};

template <unsigned batch>
std::vector<float> multiplied_by_matvec(const ProductCase& product, bool descending) {
  const Tensor& tensor = product.tensor.view();
  std::vector<float> out(batch * tensor.rows, 99.0f);
  with_description(*tensor.format, [&]<class F>() {
    using Matvec = MatvecKernel<F, batch>;
    const MatvecArguments<F> arguments{packed_matrix<F>(tensor, tensor.bytes.data()), product.x.data(), tensor.cols,
                                       out.data(), tensor.rows};
    run_emulated({Matvec::blocks(arguments.weights), Matvec::threads, Matvec::shared_bytes, descending},
                 [&](const EmulatedThread& thread) { Matvec::run(thread, arguments); });
  });
  return out;
}

TEST(EmulatedKernels, MatvecIsAsAccurateAsStatedAndARowDoesNotDependOnTheBatch) {
  for (const FormatPointer& format : one_of_each()) {
    ProductCase product(format, {35, columns_for(*format, 1024), 3});
    product.compute([](float number) { return static_cast<double>(number); });
    const std::vector<float> three = multiplied_by_matvec<3>(product, false);
    product.expect_near(three, static_cast<double>(product.tensor.view().cols + 8), "batch of 3");
    const std::vector<float> one = multiplied_by_matvec<1>(product, true);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), three.begin())) << format->id;
  }
}

std::vector<float> multiplied_by_matmul(const ProductCase& product, bool descending) {
  const Tensor& tensor = product.tensor.view();
  std::vector<float> out(product.batch * tensor.rows, 99.0f);
  with_description(*tensor.format, [&]<class F>() {
    const MatmulArguments<F> arguments{packed_matrix<F>(tensor, tensor.bytes.data()),
                                       product.x.data(),
                                       tensor.cols,
                                       out.data(),
                                       tensor.rows,
                                       product.batch};
    run_emulated({MatmulKernel::blocks(arguments), MatmulKernel::threads, MatmulKernel::shared_bytes<F>, descending},
                 [&](const EmulatedThread& thread) { MatmulKernel::run(thread, arguments); });
  });
  return out;
}

double rounded_to_bf16(float number) { return static_cast<double>(bf16_to_f32(f32_to_bf16(number))); }

TEST(EmulatedKernels, MatmulIsTheProductOfNumbersRoundedToBf16) {
  for (const FormatPointer& format : one_of_each()) {
    ProductCase product(format, {19, columns_for(*format, 2 * MatmulKernel::depth), 21});
    product.compute(rounded_to_bf16);
    const std::vector<float> out = multiplied_by_matmul(product, false);
    product.expect_near(out, static_cast<double>(product.tensor.view().cols + 2), "batch of 21");
  }
}

TEST(EmulatedKernels, MatmulOfSeveralTilesInBothDirections) {
  for (const char* id : {"q4_k", "iq1_m", "int3:g50"}) {
    const FormatPointer format = find_format(id);
    ProductCase product(format, {130, columns_for(*format, MatmulKernel::depth), 131});
    product.compute(rounded_to_bf16);
    const std::vector<float> out = multiplied_by_matmul(product, false);
    product.expect_near(out, static_cast<double>(product.tensor.view().cols + 2), id);
    EXPECT_EQ(multiplied_by_matmul(product, true), out) << id << ": depends on the order of threads";
  }
}

}  // namespace
}  // namespace quantbench::gpu
