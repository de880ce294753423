#include "kernels/cuda/testing/emulated_grid.h"

#include <gtest/gtest.h>
#include <ucontext.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/half.h"

namespace quantbench::gpu {
namespace {

constexpr unsigned warp_size = 32;
constexpr std::size_t stack_bytes = 128 * 1024;

struct Barrier {
  unsigned arrived = 0;
  std::uint64_t passed = 0;
};

/// What the lanes of a warp hand to each other.
struct Warp {
  Barrier barrier;
  float values[warp_size];
  std::uint32_t a[warp_size][4], b[warp_size][2];
};

class EmulatedBlock {
 public:
  EmulatedBlock(const EmulatedGrid& grid, std::size_t number, const std::function<void(const EmulatedThread&)>& kernel)
      : grid_(grid),
        number_(number),
        kernel_(kernel),
        shared_((grid.shared_bytes + 15) / 16 * 2, ~std::uint64_t{0}),
        warps_((grid.threads + warp_size - 1) / warp_size),
        fibers_(grid.threads) {}

  static EmulatedBlock& current() { return *current_; }

  std::size_t number() const { return number_; }
  std::byte* shared() { return reinterpret_cast<std::byte*>(shared_.data()); }
  Warp& warp_of(unsigned thread) { return warps_[thread / warp_size]; }

  void run() {
    current_ = this;
    for (unsigned i = 0; i < grid_.threads; ++i) start(i);
    while (round()) {
    }
    if (failure_) std::rethrow_exception(failure_);
    if (ended_ != grid_.threads)
      fail("{} of {} threads wait for others that have ended", grid_.threads - ended_, grid_.threads);
  }

  void wait_for_block() { wait(block_barrier_, grid_.threads); }
  void wait_for_warp(unsigned thread) { wait(warp_of(thread).barrier, warp_size); }

 private:
  struct Fiber {
    ucontext_t context;
    std::unique_ptr<std::byte[]> stack;
    bool ended = false;
  };

  void start(unsigned index) {
    Fiber& fiber = fibers_[index];
    fiber.stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = &scheduler_;
    makecontext(&fiber.context, &EmulatedBlock::run_fiber, 0);
  }

  static void run_fiber() {
    EmulatedBlock& block = current();
    const unsigned index = block.running_;
    try {
      block.kernel_(EmulatedThread(index));
    } catch (...) {
      block.failure_ = std::current_exception();
    }
    block.fibers_[index].ended = true;
    ++block.ended_;
    ++block.progress_;
  }

  /// Every thread that has not ended, as far as it gets. Whether any got further.
  bool round() {
    const std::uint64_t before = progress_;
    for (unsigned i = 0; i < grid_.threads; ++i) {
      running_ = grid_.descending ? grid_.threads - 1 - i : i;
      if (!fibers_[running_].ended) swapcontext(&scheduler_, &fibers_[running_].context);
    }
    return progress_ != before && ended_ != grid_.threads && !failure_;
  }

  void wait(Barrier& barrier, unsigned count) {
    const unsigned index = running_;
    if (++barrier.arrived == count) {
      barrier.arrived = 0;
      ++barrier.passed, ++progress_;
      return;
    }
    for (const std::uint64_t passed = barrier.passed; barrier.passed == passed;)
      swapcontext(&fibers_[index].context, &scheduler_);
  }

  static inline EmulatedBlock* current_ = nullptr;

  EmulatedGrid grid_;
  std::size_t number_;
  const std::function<void(const EmulatedThread&)>& kernel_;
  std::vector<std::uint64_t> shared_;
  std::vector<Warp> warps_;
  std::vector<Fiber> fibers_;
  Barrier block_barrier_;
  ucontext_t scheduler_;
  std::exception_ptr failure_;
  unsigned running_ = 0, ended_ = 0;
  std::uint64_t progress_ = 0;
};

/// Number `i` of pairs.
float number_of(const std::uint32_t* pairs, unsigned i) {
  return bf16_to_f32(static_cast<std::uint16_t>(pairs[i / 2] >> (i % 2 * 16)));
}

}  // namespace

void run_emulated(const EmulatedGrid& grid, const std::function<void(const EmulatedThread&)>& kernel) {
  for (std::size_t block = 0; block < grid.blocks; ++block) EmulatedBlock(grid, block, kernel).run();
}

std::size_t EmulatedThread::block() const { return EmulatedBlock::current().number(); }
std::byte* EmulatedThread::shared() { return EmulatedBlock::current().shared(); }
void EmulatedThread::synchronize() const { EmulatedBlock::current().wait_for_block(); }
void EmulatedThread::synchronize_warp() const { EmulatedBlock::current().wait_for_warp(index_); }

float EmulatedThread::shuffle_xor(float value, int distance) const {
  const unsigned lane = index_ % warp_size;
  Warp& warp = EmulatedBlock::current().warp_of(index_);
  warp.values[lane] = value;
  synchronize_warp();
  const float other = warp.values[lane ^ static_cast<unsigned>(distance)];
  synchronize_warp();
  return other;
}

/// As the PTX ISA says which lane has which number of a and of b, from the side of the sums.
void EmulatedThread::multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) const {
  const unsigned lane = index_ % warp_size;
  Warp& warp = EmulatedBlock::current().warp_of(index_);
  std::copy_n(a, 4, warp.a[lane]);
  std::copy_n(b, 2, warp.b[lane]);
  synchronize_warp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + i % 2;
    double sum = static_cast<double>(sums[i]);
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned in_pair = k % 2, further = k / 8;
      const float of_a = number_of(warp.a[row % 8 * 4 + k % 8 / 2], in_pair + 2 * (row / 8) + 4 * further);
      const float of_b = number_of(warp.b[column * 4 + k % 8 / 2], in_pair + 2 * further);
      sum += static_cast<double>(of_a) * static_cast<double>(of_b);
    }
    sums[i] = static_cast<float>(sum);
  }
  synchronize_warp();
}

std::uint32_t EmulatedThread::pack_bf16(float low, float high) {
  return static_cast<std::uint32_t>(f32_to_bf16(high)) << 16 | f32_to_bf16(low);
}

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

TEST(EmulatedGrid, ABarrierThatSomeNeverReachIsAnError) {
  EXPECT_THROW(run_emulated({1, 32, 0, false},
                            [](const EmulatedThread& thread) {
                              if (thread.index() > 0) thread.synchronize();
                            }),
               Error);
}

}  // namespace
}  // namespace quantbench::gpu
