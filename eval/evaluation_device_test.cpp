#include "eval/evaluation_device.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "eval/commands/run_program_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

constexpr const char* perplexity = "perplexity embedded:stories --text embedded:stories/eval --ctx 64 --chunks 1 ";

TEST(EvaluationDevice, IsTheCpuOrACudaDevice) {
  EXPECT_EQ(parse_evaluation_device("cuda"), "cuda");
  EXPECT_THROW(parse_evaluation_device("gpu"), Error);
  EXPECT_EQ(evaluation_device_key("cpu"), "");
  EXPECT_EQ(open_evaluation_device("cpu"), nullptr);
  EXPECT_EQ(products_on(nullptr, Compute::exact), nullptr);
}

TEST(EvaluationDevice, WithoutADeviceProgramsEndWithTheReason) {
  const GpuDevices found = gpu_devices();
  if (!found.devices.empty()) GTEST_SKIP() << "there is a CUDA device: " << to_string(found);
  const auto expect_reason = [&](const ProgramResult& result) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.errors, HasSubstr("there is no CUDA device: " + found.absence));
  };
  expect_reason(run_program(std::string(perplexity) + "--device cuda"));
  expect_reason(run_program("run " QUANTBENCH_SOURCE_DIR "/configs/default.yaml --dry-run --set device=cuda"));
}

/// What of the perplexities is left when the products of a device are those of the CPU but for the order of sums.
TEST(EvaluationDevice, OnADevicePerplexitiesAreThoseOfTheCpu) {
  if (const GpuDevices found = gpu_devices(); found.devices.empty())
    GTEST_SKIP() << "there is no CUDA device: " << found.absence;
  const auto value_of = [](const std::string& options) {
    const ProgramResult result = run_program(std::string(perplexity) + "--method rtn:q4_0 " + options);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return std::stod(result.output.substr(result.output.find(' ')));
  };
  for (const std::string compute : {"--compute exact", "--compute native", "--compute bf16"}) {
    const double cpu = value_of(compute), cuda = value_of(compute + " --device cuda");
    EXPECT_NEAR(cuda, cpu, 2e-4 * cpu) << compute;
  }
}

}  // namespace
}  // namespace quantbench
