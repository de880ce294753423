// Tests on a CUDA device; without one they are skipped, saying why.
#include "kernels/cuda/gpu_session.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cuda/gpu_check.h"
#include "kernels/cuda/resident_products.h"
#include "kernels/synthetic.h"
#include "quantizers/formats/registry.h"

namespace quantbench {
namespace {

std::size_t stored_length(const Format& format, std::size_t cols) {
  return (cols + format.block - 1) / format.block * format.block;
}

class DeviceKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (const GpuDevices found = gpu_devices(); found.devices.empty())
      GTEST_SKIP() << "there is no CUDA device: " << found.absence;
    session_ = open_gpu();
  }

  void expect_right(Op op, const std::string& id, const KernelShape& shape) {
    const auto format = find_format(id);
    const std::size_t cols = stored_length(*format, shape.inputs);
    const TensorData weights = synthetic_tensor(format, shape.outputs, cols, 1);
    const std::vector<float> x = synthetic_values(shape.batch * cols, 2);
    const MatrixView activations{x, shape.batch, cols};
    EXPECT_NO_THROW(check_against_cpu(op, weights.view(), activations, session_->run(op, weights.view(), activations)));
  }

  std::unique_ptr<GpuSession> session_;
};

TEST_F(DeviceKernels, DecodeOfEveryFormatIsBitEqual) {
  for (const std::string& id : format_ids())
    for (const std::size_t cols : {1u, 290u, 4096u}) expect_right(Op::decode, id, {130, cols, 1});
}

TEST_F(DeviceKernels, MatvecOfEveryFormatAndBatchIsAsAccurateAsStated) {
  for (const std::string& id : format_ids())
    for (std::size_t batch = 1; batch <= 9; ++batch) expect_right(Op::matvec, id, {131, 1100, batch});
}

TEST_F(DeviceKernels, MatmulOfEveryFormatIsTheProductOfNumbersRoundedToBf16) {
  for (const std::string& id : format_ids()) expect_right(Op::matmul_bf16, id, {300, 1100, 150});
}

TEST_F(DeviceKernels, IntegerMatmulIsTheProductOfTheActivationsThatTheCpuRounds) {
  for (const std::string& id : format_ids())
    if (runs_on_gpu(Op::matmul_int8, *find_format(id))) expect_right(Op::matmul_int8, id, {300, 1100, 150});
}

TEST_F(DeviceKernels, RepackedWeightsOfFourBitsAreMultipliedAsTheyAre) {
  for (const char* id : {"int4:g128", "int4:g128:sym", "int4:g64", "int4:g32", "int4:row"})
    for (const std::size_t batch : {1u, 5u, 8u, 9u, 150u}) expect_right(Op::matmul_w4a16, id, {300, 1100, batch});
}

TEST_F(DeviceKernels, ProductsWithWeightsThatStayThereAreThoseOfTheKernels) {
  const std::unique_ptr<ProductDevice> device = open_product_device();
  for (const Op op : {Op::matvec, Op::matmul_bf16, Op::matmul_int8}) {
    ResidentProducts products(*device, op, {std::size_t{3} << 20, std::size_t{1} << 20});  // some go, and rows are cut
    for (int round = 0; round < 2; ++round)
      for (const char* id : {"q4_k", "q8_0", "int4:g128", "iq2_xxs"}) {
        const TensorData weights = synthetic_tensor(find_format(id), 1030, 2048, 1);
        const std::vector<float> x = synthetic_values(300 * 2048, 2);
        std::vector<float> out(300 * 1030);
        products.multiply({x, 300, 2048}, weights.view(), out);
        EXPECT_NO_THROW(check_against_cpu(op, weights.view(), {x, 300, 2048}, out)) << id;
      }
  }
}

TEST_F(DeviceKernels, SlowRowsBeyondFourGibibytesAreFound) { expect_right(Op::matvec, "q8_0", {160'000, 28'672, 1}); }

TEST_F(DeviceKernels, TimesAndPeaksAreNumbers) {
  const TensorData weights = synthetic_tensor(find_format("q4_0"), 4096, 4096, 1);
  const std::vector<float> x = synthetic_values(4096, 2);
  EXPECT_GT(session_->prepare(Op::matvec, weights.view(), {x, 1, 4096}, std::size_t{256} << 20)->seconds_of_call(10),
            0);
  EXPECT_GT(session_->copy_bytes_per_second(std::size_t{256} << 20, 3), 0);
  EXPECT_GT(session_->dense_bf16_flops_per_second({4096, 4096, 256}, 3), 0);
}

TEST(DeviceSession, ThereIsNoneWithoutADeviceAndTheErrorSaysWhy) {
  const GpuDevices found = gpu_devices();
  if (!found.devices.empty()) GTEST_SKIP() << "there is a CUDA device: " << to_string(found);
  try {
    static_cast<void>(open_gpu());
    FAIL() << "a session without a device";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(found.absence), std::string::npos) << error.what();
  }
}

TEST(DeviceSession, OpsWithoutAKernelAreNamed) {
  for (const Op op : {Op::decode, Op::matvec, Op::matmul_bf16, Op::matmul_int8, Op::matmul_w4a16})
    EXPECT_TRUE(runs_on_gpu(op)) << to_string(op);
  for (const Op op : {Op::encode, Op::matmul, Op::matvec_int8}) EXPECT_FALSE(runs_on_gpu(op)) << to_string(op);
  EXPECT_TRUE(runs_on_gpu(Op::matmul_int8, *find_format("iq2_xxs")));
  for (const char* id : {"f16", "nf4:g64", "mxfp4", "int4:g48"})
    EXPECT_EQ(runs_on_gpu(Op::matmul_int8, *find_format(id)), has_int8_kernels(*find_format(id))) << id;
  EXPECT_FALSE(runs_on_gpu(Op::matmul_int8, *find_format("int4:g48"))) << "groups that are not whole runs of 32";
}

}  // namespace
}  // namespace quantbench
