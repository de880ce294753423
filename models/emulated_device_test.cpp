// The forward pass of a model whose products run on a device: here the kernels of CUDA devices, on the CPU thread by thread
// (kernels/cuda/testing/emulated_grid.h).
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cpu/bf16_product.h"
#include "kernels/cuda/gpu_check.h"
#include "kernels/cuda/gpu_session.h"
#include "kernels/cuda/resident_products.h"
#include "kernels/cuda/testing/emulated_products.h"
#include "models/model.h"
#include "models/testing/tiny_llama.h"
#include "quantizers/quantize.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

using testing_support::random_tokens;
using testing_support::tiny_llama;
using testing_support::TinyLlama;

using FormatsOfTheTest =
    formats::List<formats::F32, formats::Q8_0, formats::Q4_1, formats::Integer<4, false, formats::HalfScale>>;

const TinyLlama shape{.width = 64, .heads = 4, .kv_heads = 2, .head_size = 16, .feed_forward = 96};
constexpr std::size_t windows = 2, length = 11, vocabulary = 37;

/// Layers of every format by turns; the output projection stays f32.
struct QuantizedModel {
  Checkpoint checkpoint = tiny_llama(shape);
  std::unique_ptr<const Model> model = load_model(checkpoint);
  Weights weights = weights_of(checkpoint);
  std::vector<TensorData> packed;

  QuantizedModel() {
    const char* const methods[] = {"rtn:q8_0", "rtn:int4:g7", "rtn:q4_1"};
    std::size_t turn = 0;
    for (const std::string& name : model->linear_layers()) {
      const Tensor& original = weights.at(name);
      const std::span values(reinterpret_cast<const float*>(original.bytes.data()), original.weights());
      packed.push_back(
          quantize_tensor(parse_method(methods[turn++ % 3]), name, {values, original.rows, original.cols}, {}, 1));
      weights.insert_or_assign(name, packed.back().view());
    }
  }

  std::vector<float> logits(const ForwardOptions& options) const {
    const std::vector<std::int32_t> tokens = random_tokens(windows * length, vocabulary, 3);
    std::vector<float> all;
    model->forward(weights, {tokens, windows, length}, options, [&](const LogitsBlock& block) {
      all.insert(all.end(), block.logits.values.begin(), block.logits.values.end());
    });
    EXPECT_EQ(all.size(), windows * length * vocabulary);
    return all;
  }
};

/// Checks each product that another one computes, and counts.
class CheckedProducts : public WeightProducts {
 public:
  CheckedProducts(WeightProducts& checked, Op op) : checked_(checked), op_(op) {}
  void multiply(MatrixView input, const Tensor& weight, std::span<float> output) override {
    checked_.multiply(input, weight, output);
    const Op op = runs_on_gpu(op_, *weight.format) ? op_ : Op::matvec;
    EXPECT_NO_THROW(check_against_cpu(op, weight, input, output));
    if (op == Op::matmul_bf16) expect_near_the_cpu(input, weight, output);
    ++count;
  }
  std::size_t count = 0;

 private:
  /// Both are within their bounds of the exact sum: together five times that of the CPU, 2^-24 (cols + 2) sum of abs(w x).
  static void expect_near_the_cpu(MatrixView input, const Tensor& weight, std::span<const float> output) {
    std::vector<float> expected(output.size());
    matmul_bf16({&weight, input.values.data(), input.cols, expected.data(), weight.rows, input.rows}, 1);
    const std::vector<float> values = decoded(weight, 1);
    for (std::size_t row = 0; row < input.rows; ++row)
      for (std::size_t i = 0; i < weight.rows; ++i) {
        double magnitude = 0;
        for (std::size_t k = 0; k < weight.cols; ++k)
          magnitude +=
              std::fabs(static_cast<double>(values[i * weight.cols + k]) * static_cast<double>(input.row(row)[k]));
        const double rounding_of_both = 1.01;  // weights and activations as they were before
        ASSERT_NEAR(output[row * weight.rows + i], expected[row * weight.rows + i],
                    rounding_of_both * 5 * 0x1p-24 * static_cast<double>(weight.cols + 2) * magnitude);
      }
  }

  WeightProducts& checked_;
  Op op_;
};

/// The largest difference of two logits, in units of the largest logit.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::fmax(difference, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::fmax(largest, std::fabs(static_cast<double>(b[i])));
  }
  return difference / largest;
}

TEST(EmulatedDevice, AForwardPassIsThatOfTheCpuWithTheSameProducts) {
  const QuantizedModel model;
  gpu::EmulatedProductDevice<FormatsOfTheTest> device;
  struct Case {
    Op op;
    Compute compute;
    double tolerance;
  };
  // Products in f32 differ by the order of sums alone. The others round their inputs, and where the order of earlier sums makes one of these
  // fall on the other side, by a step: 2^-9 of a number in bf16, 1 / 254 of the largest of a run in eight bits.
  for (const Case& each : {Case{Op::matvec, Compute::exact, 1e-5}, Case{Op::matmul_bf16, Compute::bf16, 5e-3},
                           Case{Op::matmul_int8, Compute::native, 1e-2}}) {
    ResidentProducts resident(device, each.op, {std::size_t{1} << 20, std::size_t{1} << 20});
    CheckedProducts products(resident, each.op);
    const std::vector<float> found = model.logits({.products = &products});
    EXPECT_EQ(products.count, model.model->linear_layers().size() + windows) << "and the output projection by windows";
    EXPECT_EQ(resident.figures().uploads, model.model->linear_layers().size() + 1);
    EXPECT_LT(distance(found, model.logits({.compute = each.compute})), each.tolerance) << to_string(each.op);
  }
}

}  // namespace
}  // namespace quantbench
