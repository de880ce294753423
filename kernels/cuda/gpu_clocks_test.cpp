#include "kernels/cuda/gpu_clocks.h"

#include <gtest/gtest.h>

#include <string_view>

namespace quantbench {
namespace {

int opened = 0;
int memory_status = 0;

/// A library that knows one device.
NvmlFunctions pretended() {
  opened = memory_status = 0;
  NvmlFunctions functions;
  functions.init = [] { return ++opened, 0; };
  functions.shutdown = [] { return --opened, 0; };
  functions.device_by_pci_bus_id = [](const char* id, NvmlFunctions::Device* device) {
    *device = &opened;
    return std::string_view(id) == "0000:3b:00.0" ? 0 : 6;
  };
  functions.clock_of = [](NvmlFunctions::Device device, int clock, unsigned* megahertz) {
    *megahertz = clock == 1 ? 1755 : 3201;
    return device != &opened ? 2 : clock == 1 ? 0 : memory_status;
  };
  return functions;
}

TEST(GpuClocks, AreThoseOfTheDeviceAndTheLibraryIsClosed) {
  {
    const GpuClockReader reader(pretended(), "0000:3b:00.0");
    const std::optional<GpuClocks> clocks = reader.read();
    ASSERT_TRUE(clocks.has_value());
    EXPECT_EQ(clocks->multiprocessor_megahertz, 1755);
    EXPECT_EQ(clocks->memory_megahertz, 3201);
    memory_status = 3;
    EXPECT_FALSE(reader.read().has_value()) << "a clock that the driver does not tell";
    EXPECT_EQ(opened, 1);
  }
  EXPECT_EQ(opened, 0);
}

TEST(GpuClocks, ThereAreNoneWithoutTheLibraryOrTheDevice) {
  EXPECT_FALSE(load_nvml("libquantbench-has-no-such-library.so").has_value());
  EXPECT_FALSE(load_nvml("libm.so.6").has_value()) << "a library without the functions";
  EXPECT_FALSE(GpuClockReader(std::nullopt, "0000:3b:00.0").read().has_value());
  EXPECT_FALSE(GpuClockReader(pretended(), "0000:00:00.0").read().has_value());
}

}  // namespace
}  // namespace quantbench
