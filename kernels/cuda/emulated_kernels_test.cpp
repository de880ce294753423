// The kernels as they are, run on the CPU thread by thread (testing/emulated_grid.h).
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/cpu/int8_activations.h"
#include "kernels/cuda/decode_kernel.h"
#include "kernels/cuda/gpu_check.h"
#include "kernels/cuda/gpu_session.h"
#include "kernels/cuda/testing/emulated_products.h"
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
    emulated_matvec_of<batch, F>({weights, {product.x, product.batch, weights.cols}, out, descending}, 0);
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

std::vector<float> multiplied(Op op, const Product& product, bool descending) {
  const Tensor& weights = product.weights.view();
  std::vector<float> out(product.batch * weights.rows, 99.0f);
  with_description(*weights.format, [&]<class F>() {
    emulated_multiply<F>(op, {weights, {product.x, product.batch, weights.cols}, out, descending});
  });
  return out;
}

TEST(EmulatedKernels, MatmulIsTheProductOfNumbersRoundedToBf16) {
  for (const FormatPointer& format : one_of_each()) {
    const Product product(format, {19, columns_for(*format, 2 * MatmulKernel::depth), 21});
    product.expect_right(Op::matmul_bf16, multiplied(Op::matmul_bf16, product, false));
  }
}

TEST(EmulatedKernels, MatmulOfSeveralTilesInBothDirectionsDoesNotDependOnTheOrderOfThreads) {
  for (const char* id : {"q4_k", "iq1_m", "int3:g50"}) {
    const FormatPointer format = find_format(id);
    const Product product(format, {130, columns_for(*format, MatmulKernel::depth), 131});
    const std::vector<float> out = multiplied(Op::matmul_bf16, product, false);
    product.expect_right(Op::matmul_bf16, out);
    EXPECT_EQ(multiplied(Op::matmul_bf16, product, true), out) << id;
  }
}

std::vector<FormatPointer> those_with_integer_levels() {
  std::vector<FormatPointer> found;
  for (const FormatPointer& format : one_of_each())
    if (runs_on_gpu(Op::matmul_int8, *format)) found.push_back(format);
  for (const char* id : {"int2:g32", "int3:g64:sym", "int4:g128", "int5:g32:sym", "int6:g96", "int7:g32", "int8:g64"})
    found.push_back(find_format(id));
  return found;
}

TEST(EmulatedKernels, IntegerMatmulIsTheProductOfTheActivationsThatTheCpuRounds) {
  for (const FormatPointer& format : those_with_integer_levels()) {
    const Product product(format, {19, columns_for(*format, 64), 21});
    product.expect_right(Op::matmul_int8, multiplied(Op::matmul_int8, product, false));
  }
}

TEST(EmulatedKernels, IntegerMatmulOfSeveralTilesDoesNotDependOnTheOrderOfThreads) {
  for (const char* id : {"q6_k", "q4_k", "int8:row"}) {
    const FormatPointer format = find_format(id);
    const Product product(format, {130, columns_for(*format, 64), 131});
    const std::vector<float> out = multiplied(Op::matmul_int8, product, false);
    product.expect_right(Op::matmul_int8, out);
    EXPECT_EQ(multiplied(Op::matmul_int8, product, true), out) << id;
  }
}

TEST(EmulatedKernels, ActivationsAreRoundedToTheBytesOfTheCpu) {
  constexpr std::size_t batch = 3, cols = 100;
  std::vector<float> x = synthetic_values(batch * cols, 5);
  x[3] = std::numeric_limits<float>::infinity();         // a run that is not finite
  for (std::size_t i = 32; i < 64; ++i) x[i] = 0;        // one of zeros
  for (std::size_t i = 64; i < 96; ++i) x[i] *= 1e-35f;  // one that is too small
  x[cols] = 0x1p120f, x[cols + 1] = -0x1p127f;           // and a large one
  Int8Workspace found{cols, batch};
  std::vector<FourWords> memory(found.bytes() / sizeof(FourWords));
  found.memory = reinterpret_cast<std::byte*>(memory.data());
  const RoundInt8Arguments arguments{found, x.data(), cols};
  run_emulated({RoundInt8Kernel::blocks(arguments), RoundInt8Kernel::threads, 0, true},
               [&](const EmulatedThread& thread) { RoundInt8Kernel::run(thread, arguments); });
  const Int8Activations expected = round_activations(x.data(), batch, cols, cols, 1);
  const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  for (std::size_t row = 0; row < batch; ++row)
    for (std::size_t run = 0; run < expected.runs; ++run) {
      const std::size_t at = row * expected.runs + run, found_at = row * found.runs() + run;
      EXPECT_EQ(std::memcmp(found.values() + found_at * 8, expected.values.data() + at * 32, 32), 0) << at;
      EXPECT_TRUE(same(found.facts()[found_at].scale, expected.scales[at])) << at;
      EXPECT_TRUE(same(found.facts()[found_at].sum, expected.sums[at])) << at;
      for (std::size_t half = 0; half < 2; ++half)
        EXPECT_TRUE(same(found.facts()[found_at].half_sums[half], expected.half_sums[2 * at + half])) << at;
    }
}

}  // namespace
}  // namespace quantbench::gpu
