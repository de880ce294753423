#include "kernels/cuda/resident_products.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

/// Keeps copies, multiplies on the CPU and counts.
class PretendedDevice : public ProductDevice {
 public:
  const GpuDevice& device() const override { return device_; }
  std::size_t free_bytes() const override { return free; }
  std::unique_ptr<DeviceWeights> upload(const Tensor& weights) override {
    return std::make_unique<Uploaded>(*this, weights);
  }
  std::size_t working_bytes(Op, const Tensor&, std::size_t count) const override { return count * 100; }
  void multiply(Op op, const DeviceWeights& weights, MatrixView x, std::span<float> y) override {
    const Tensor& matrix = static_cast<const Uploaded&>(weights).view;
    ops.push_back(op);
    rows.push_back(x.rows);
    matmul({&matrix, x.values.data(), x.cols, y.data(), matrix.rows, x.rows}, 1, Isa::scalar);
  }

  std::size_t free = 8000, bytes = 0, most_bytes = 0;
  std::vector<Op> ops;
  std::vector<std::size_t> rows;

 private:
  struct Uploaded : DeviceWeights {
    Uploaded(PretendedDevice& on, const Tensor& weights)
        : device(on), copy(weights.bytes.begin(), weights.bytes.end()), view(weights) {
      view.bytes = copy;
      view.owner.reset();
      device.bytes += copy.size();
      device.most_bytes = std::max(device.most_bytes, device.bytes);
    }
    ~Uploaded() override { device.bytes -= copy.size(); }
    PretendedDevice& device;
    std::vector<std::byte> copy;
    Tensor view;
  };
  GpuDevice device_{.name = "pretended"};
};

constexpr std::size_t outputs = 4, inputs = 32, tensor_bytes = outputs * inputs * sizeof(float);
constexpr ResidentLimits roomy{100 * tensor_bytes, 1 << 20};

TensorData weights_of(std::uint32_t seed) { return synthetic_tensor(find_format("f32"), outputs, inputs, seed); }

void expect_product(ResidentProducts& products, const Tensor& weights, std::size_t rows = 2) {
  const std::vector<float> x = synthetic_values(rows * inputs, 9);
  std::vector<float> found(rows * outputs, 99.0f), expected(rows * outputs);
  products.multiply({x, rows, inputs}, weights, found);
  matmul({&weights, x.data(), inputs, expected.data(), outputs, rows}, 1, Isa::scalar);
  EXPECT_EQ(found, expected);
}

TEST(ResidentProducts, EachWeightMatrixIsUploadedOnce) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_bf16, roomy);
  const TensorData a = weights_of(1), b = weights_of(2);
  for (int round = 0; round < 3; ++round)
    for (const TensorData* weights : {&a, &b}) expect_product(products, weights->view());
  EXPECT_EQ(products.figures().uploads, 2u);
  EXPECT_EQ(products.figures().uploaded_bytes, 2 * tensor_bytes);
  EXPECT_EQ(products.figures().evictions, 0u);
  EXPECT_EQ(device.bytes, 2 * tensor_bytes);
}

TEST(ResidentProducts, WhereTheyDoNotAllFitMostStay) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_bf16, {4 * tensor_bytes + 1, 1 << 20});
  std::vector<TensorData> weights;
  for (std::uint32_t i = 0; i < 6; ++i) weights.push_back(weights_of(i));
  for (int round = 0; round < 10; ++round)
    for (const TensorData& each : weights) expect_product(products, each.view());
  EXPECT_EQ(device.most_bytes, 4 * tensor_bytes);
  EXPECT_EQ(products.figures().resident_bytes, device.bytes);
  // All once, and in each further round at most the two that have no room and the two that went for them.
  EXPECT_LE(products.figures().uploads, 6 + 9 * 4u);
  EXPECT_EQ(products.figures().evictions, products.figures().uploads - 4);
}

TEST(ResidentProducts, OneThatHasNoRoomAloneIsNamed) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matvec, {tensor_bytes - 1, 1 << 20});
  const TensorData weights = weights_of(1);
  try {
    expect_product(products, weights.view());
    FAIL() << "there was room";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(weights.view().name), std::string::npos) << error.what();
  }
}

TEST(ResidentProducts, RowsThatNeedTooMuchMemoryAreMultipliedInParts) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_bf16, {100 * tensor_bytes, 350});
  expect_product(products, weights_of(1).view(), 11);
  EXPECT_EQ(device.rows, (std::vector<std::size_t>{3, 3, 3, 2}));
}

TEST(ResidentProducts, OtherBytesAtTheSamePlaceAreOtherWeights) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_bf16, roomy);
  // The same memory under two owners, one after the other, as an allocator might give it.
  TensorData memory = weights_of(1);
  Tensor tensor = memory.view();
  tensor.owner = std::make_shared<int>(1);
  expect_product(products, tensor);
  Tensor copy = tensor;
  expect_product(products, copy);
  EXPECT_EQ(products.figures().uploads, 1u) << "copies share their owner";
  copy.owner.reset();
  tensor.owner = std::make_shared<int>(2);
  const TensorData other = weights_of(2);
  std::ranges::copy(other.view().bytes, memory.row(0).row);
  expect_product(products, tensor);
  EXPECT_EQ(products.figures().uploads, 2u);
  EXPECT_EQ(device.bytes, tensor_bytes) << "those whose owner is gone are dropped";
}

TEST(ResidentProducts, OwnersAreNotKept) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_bf16, roomy);
  const Tensor tensor = shared_tensor(weights_of(1));
  expect_product(products, tensor);
  EXPECT_EQ(tensor.owner.use_count(), 1);
}

/// A tensor that is made each time it is asked for.
class MadeWeights : public TensorSource {
 public:
  Tensor load() const override { return ++loads, shared_tensor(weights_of(3)); }
  void release() const override {}
  mutable int loads = 0;
};

TEST(ResidentProducts, WeightsThatAreMadeWhenAskedForAreMadeOnce) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_bf16, roomy);
  const auto source = std::make_shared<const MadeWeights>();
  Tensor unloaded = weights_of(3).view();
  unloaded.bytes = {};
  unloaded.source = source;
  const std::vector<float> x = synthetic_values(inputs, 9);
  std::vector<float> found(outputs), expected(outputs);
  for (int round = 0; round < 3; ++round) products.multiply({x, 1, inputs}, unloaded, found);
  const TensorData weights = weights_of(3);
  matmul({&weights.view(), x.data(), inputs, expected.data(), outputs, 1}, 1, Isa::scalar);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(source->loads, 1);
  EXPECT_EQ(products.figures().uploaded_bytes, tensor_bytes);
}

TEST(ResidentProducts, IntegerProductsAreOfFormatsThatHaveIntegers) {
  PretendedDevice device;
  ResidentProducts products(device, Op::matmul_int8, roomy);
  expect_product(products, weights_of(1).view());
  const TensorData q8 = synthetic_tensor(find_format("q8_0"), outputs, inputs, 1);
  expect_product(products, q8.view());
  EXPECT_EQ(device.ops, (std::vector<Op>{Op::matvec, Op::matmul_int8}));
}

TEST(ResidentProducts, LimitsLeaveSomeMemoryToOthers) {
  PretendedDevice device;
  EXPECT_EQ(resident_limits(device).weight_bytes, 6000u);
  EXPECT_EQ(resident_limits(device).working_bytes, 1000u);
  device.free = std::size_t{100} << 30;
  EXPECT_EQ(resident_limits(device).weight_bytes, std::size_t{98} << 30);
}

}  // namespace
}  // namespace quantbench
