// The kernels as they are, run on the CPU thread by thread (testing/emulated_grid.h).
#include <gtest/gtest.h>

#include "kernels/cuda/decode_kernel.h"
#include "kernels/cuda/gpu_check.h"
#include "kernels/cuda/matmul_kernel.h"
#include "kernels/cuda/matvec_kernel.h"
#include "kernels/cuda/testing/emulated_grid.h"
#include "kernels/cuda/testing/padded_tensor.h"
#include "kernels/kernel.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/all.h"
#include "quantizers/formats/registry.h"

namespace quantbench::gpu {
namespace {

using FormatPointer = std::shared_ptr<const Format>;

constexpr GpuCheck everything{1'000'000, 1'000'000};

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

TEST(EmulatedKernels, DecodeOfAnyBytesIsBitEqualWithTheFormat) {
  for (const FormatPointer& format : one_of_each()) {
    const PaddedTensor tensor = PaddedTensor::random(format, 5, columns_for(*format, DecodeKernel::threads), 1);
    for (const bool descending : {false, true})
      EXPECT_NO_THROW(
          check_against_cpu(Op::decode, tensor.view(), {}, decoded_by_kernel(tensor, descending), everything));
  }
}

struct Product {
  PaddedTensor weights;
  std::size_t batch;
  std::vector<float> x;

  Product(const FormatPointer& format, const KernelShape& shape)
      : weights(synthetic_tensor(format, shape.outputs, shape.inputs, 3).view()),
        batch(shape.batch),
        x(synthetic_values(batch * shape.inputs, 4)) {}

  void expect_right(Op op, std::span<const float> out) const {
    const MatrixView activations{x, batch, weights.view().cols};
    EXPECT_NO_THROW(check_against_cpu(op, weights.view(), activations, out, everything));
  }
};

template <unsigned batch>
std::vector<float> multiplied_by_matvec(const Product& product, bool descending) {
  const Tensor& weights = product.weights.view();
  std::vector<float> out(batch * weights.rows, 99.0f);
  with_description(*weights.format, [&]<class F>() {
    using Matvec = MatvecKernel<F, batch>;
    const MatvecArguments<F> arguments{packed_matrix<F>(weights, weights.bytes.data()), product.x.data(), weights.cols,
                                       out.data(), weights.rows};
    run_emulated({Matvec::blocks(arguments.weights), Matvec::threads, Matvec::shared_bytes, descending},
                 [&](const EmulatedThread& thread) { Matvec::run(thread, arguments); });
  });
  return out;
}

TEST(EmulatedKernels, MatvecIsAsAccurateAsStatedAndARowDoesNotDependOnTheBatch) {
  for (const FormatPointer& format : one_of_each()) {
    const Product product(format, {35, columns_for(*format, 1024), 3});
    const std::vector<float> three = multiplied_by_matvec<3>(product, false),
                             one = multiplied_by_matvec<1>(product, true);
    product.expect_right(Op::matvec, three);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), three.begin())) << format->id;
  }
}

std::vector<float> multiplied_by_matmul(const Product& product, bool descending) {
  const Tensor& weights = product.weights.view();
  std::vector<float> out(product.batch * weights.rows, 99.0f);
  with_description(*weights.format, [&]<class F>() {
    const auto matrix = packed_matrix<F>(weights, weights.bytes.data());
    std::vector<FourWords> rounded(product.batch * padded_runs_of<F>(matrix.shape) * run_weights / 8);
    const RoundArguments<F> rounding{matrix.shape, product.x.data(), weights.cols, product.batch,
                                     reinterpret_cast<std::uint16_t*>(rounded.data())};
    run_emulated({RoundKernel::blocks(rounding), RoundKernel::threads, 0, descending},
                 [&](const EmulatedThread& thread) { RoundKernel::run(thread, rounding); });
    const MatmulArguments<F> arguments{matrix, rounding.rounded, out.data(), weights.rows, product.batch};
    run_emulated({MatmulKernel::blocks(arguments), MatmulKernel::threads, MatmulKernel::shared_bytes<F>, descending},
                 [&](const EmulatedThread& thread) { MatmulKernel::run(thread, arguments); });
  });
  return out;
}

TEST(EmulatedKernels, MatmulIsTheProductOfNumbersRoundedToBf16) {
  for (const FormatPointer& format : one_of_each()) {
    const Product product(format, {19, columns_for(*format, 2 * MatmulKernel::depth), 21});
    product.expect_right(Op::matmul_bf16, multiplied_by_matmul(product, false));
  }
}

TEST(EmulatedKernels, MatmulOfSeveralTilesInBothDirectionsDoesNotDependOnTheOrderOfThreads) {
  for (const char* id : {"q4_k", "iq1_m", "int3:g50"}) {
    const FormatPointer format = find_format(id);
    const Product product(format, {130, columns_for(*format, MatmulKernel::depth), 131});
    const std::vector<float> out = multiplied_by_matmul(product, false);
    product.expect_right(Op::matmul_bf16, out);
    EXPECT_EQ(multiplied_by_matmul(product, true), out) << id;
  }
}

}  // namespace
}  // namespace quantbench::gpu
