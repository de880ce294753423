#include "kernels/cuda/testing/emulated_grid.h"

#include <gtest/gtest.h>

namespace quantbench::gpu {
namespace {

TEST(EmulatedGrid, ThreadsSeeWhatOthersWroteBeforeABarrier) {
  for (const bool descending : {false, true}) {
    std::vector<float> sums(2 * 64);
    run_emulated({2, 64, 64 * sizeof(float), descending}, [&](const EmulatedThread& thread) {
      auto* const shared = reinterpret_cast<float*>(EmulatedThread::shared());
      EXPECT_NE(shared[thread.index()], shared[thread.index()]) << "shared memory has no value at first";
      thread.synchronize();
      shared[thread.index()] = static_cast<float>(thread.index());
      thread.synchronize();
      const float across = shared[63 - thread.index()];
      sums[thread.block() * 64 + thread.index()] = across + thread.shuffle_xor(across, 1);
    });
    for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(sums[64 + i], static_cast<float>(63 - i + (63 - (i ^ 1))));
  }
}

TEST(EmulatedGrid, AMissingBarrierShowsInOneOfTheOrders) {
  std::vector<float> found;
  for (const bool descending : {false, true})
    run_emulated({1, 32, 32 * sizeof(float), descending}, [&](const EmulatedThread& thread) {
      auto* const shared = reinterpret_cast<float*>(EmulatedThread::shared());
      shared[thread.index()] = 1;
      if (thread.index() == 31) found.push_back(shared[0]);
    });
  EXPECT_EQ(found[0], 1);
  EXPECT_NE(found[1], 1);
}

TEST(EmulatedGrid, CopiesAreThereAfterWaitingAndNotBefore) {
  const std::uint64_t from[2] = {1, 2};
  run_emulated({1, 1, 16, false}, [&](const EmulatedThread& thread) {
    auto* const shared = reinterpret_cast<std::uint64_t*>(EmulatedThread::shared());
    thread.copy_async(shared, from);
    EXPECT_NE(shared[1], 2u);
    thread.wait_for_copies();
    EXPECT_EQ(shared[0], 1u);
    EXPECT_EQ(shared[1], 2u);
  });
}

TEST(EmulatedGrid, ABarrierThatSomeNeverReachIsAnError) {
  EXPECT_THROW(run_emulated({1, 32, 0, false},
                            [](const EmulatedThread& thread) {
                              if (thread.index() > 0) thread.synchronize();
                            }),
               Error);
}

}  // namespace
}  // namespace quantbench::gpu
