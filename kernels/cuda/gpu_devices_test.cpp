#include "kernels/cuda/gpu_devices.h"

#include <gtest/gtest.h>

namespace quantbench {
namespace {

TEST(GpuDevices, EitherDevicesOrAReason) {
  const GpuDevices found = gpu_devices();
  EXPECT_EQ(found.devices.empty(), !found.absence.empty());
  for (const GpuDevice& device : found.devices) EXPECT_GT(device.memory_bytes, 0u);
}

TEST(GpuDevices, OneLineForReports) {
  EXPECT_EQ(to_string(GpuDevices{{}, "built without CUDA"}), "none (built without CUDA)");
  EXPECT_EQ(to_string(GpuDevices{{{"A", 9, 0, std::uint64_t{3} << 29, 132, 1980, 3201}}, ""}),
            "A (sm_90, 1.5 GiB at 3201 MHz, 132 multiprocessors at 1980 MHz)");
}

}  // namespace
}  // namespace quantbench
