#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/commands/run_program_for_tests.h"
#include "kernels/cuda/gpu_devices.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

const std::string small =
    " --shapes 64x64 --batches 1 --benchmark_min_time=0.001 --benchmark_filter='^matvec/q4_0/scalar'";

TEST(KernelsCommand, WithoutACudaDeviceTheOthersGoOn) {
  if (!gpu_devices().devices.empty()) GTEST_SKIP() << "there is a CUDA device";
  const ProgramResult both = run_program("kernels --device cpu,cuda" + small);
  EXPECT_EQ(both.exit_code, 0) << both.errors;
  EXPECT_THAT(both.errors, HasSubstr("cuda: there is no CUDA device: " + gpu_devices().absence));
  EXPECT_THAT(both.output, HasSubstr("matvec/q4_0/scalar/64x64x1"));
}

TEST(KernelsCommand, ACudaDeviceAloneThatIsNotThereIsAnError) {
  if (!gpu_devices().devices.empty()) GTEST_SKIP() << "there is a CUDA device";
  const ProgramResult alone = run_program("kernels --device cuda" + small);
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_THAT(alone.errors, HasSubstr("there is no CUDA device: " + gpu_devices().absence));
  EXPECT_EQ(alone.output, "");
}

TEST(KernelsCommand, UnknownDevicesAreRefused) { EXPECT_EQ(run_program("kernels --device tpu").exit_code, 2); }

}  // namespace
}  // namespace quantbench
