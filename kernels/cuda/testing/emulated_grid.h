// Runs kernels on the CPU, thread by thread: what device_thread.cuh is on a device, for tests without one.
//
// Each thread of a block is a context of its own (ucontext), which goes on until it has to wait for others. Blocks run one after another.
// Threads run in ascending or in descending order: where a barrier is missing, one of the two reads what was not yet written. Shared memory is
// exactly as large as asked for, and NaN at first.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/half.h"

namespace quantbench::gpu {

struct EmulatedGrid {
  std::size_t blocks = 1;
  unsigned threads = 32;
  std::size_t shared_bytes = 0;
  bool descending = false;
};

class EmulatedThread {
 public:
  explicit EmulatedThread(unsigned index) : index_(index) {}

  unsigned index() const { return index_; }
  std::size_t block() const;
  static std::byte* shared();
  /// The copy is made when the thread waits for it, and not before: what reads it earlier finds what was there.
  void copy_async(void* to, const void* from) const;
  void wait_for_copies() const;
  void synchronize() const;
  void synchronize_warp() const;
  float shuffle_xor(float value, int distance) const;
  void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) const;
  void multiply_add(std::int32_t (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) const;
  void multiply_add_half(std::int32_t (&sums)[4], const std::uint32_t (&a)[2], std::uint32_t b) const;
  static std::uint32_t pack_bf16(float low, float high);
  static std::uint32_t subtract_bf16_pairs(std::uint32_t a, std::uint32_t b);

 private:
  template <unsigned per_word, unsigned halves, class Number, class Sum, class NumberOf>
  void multiply_matrices(Sum (&sums)[4], const std::uint32_t* a, const std::uint32_t* b,
                         const NumberOf& number_of) const;

  unsigned index_;
};

inline constexpr unsigned emulated_warp = 32;
inline constexpr std::size_t emulated_stack_bytes = 128 * 1024;

struct EmulatedBarrier {
  unsigned arrived = 0;
  std::uint64_t passed = 0;
};

/// What the lanes of a warp hand to each other.
struct EmulatedWarp {
  EmulatedBarrier barrier;
  float values[emulated_warp];
  std::uint32_t a[emulated_warp][4], b[emulated_warp][2];
};

class EmulatedBlock {
 public:
  EmulatedBlock(const EmulatedGrid& grid, std::size_t number, const std::function<void(const EmulatedThread&)>& kernel)
      : grid_(grid),
        number_(number),
        kernel_(kernel),
        shared_((grid.shared_bytes + 15) / 16 * 2, ~std::uint64_t{0}),
        warps_((grid.threads + emulated_warp - 1) / emulated_warp),
        fibers_(grid.threads) {}

  static EmulatedBlock& current() { return *current_; }

  std::size_t number() const { return number_; }
  std::byte* shared() { return reinterpret_cast<std::byte*>(shared_.data()); }
  struct Copy {
    void* to;
    const void* from;
  };
  std::vector<Copy>& copies_of(unsigned thread) { return fibers_[thread].copies; }
  EmulatedWarp& warp_of(unsigned thread) { return warps_[thread / emulated_warp]; }

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
  void wait_for_warp(unsigned thread) { wait(warp_of(thread).barrier, emulated_warp); }

 private:
  struct Fiber {
    ucontext_t context;
    std::unique_ptr<std::byte[]> stack;
    std::vector<Copy> copies = {};  // not made yet
    bool ended = false;
  };

  void start(unsigned index) {
    Fiber& fiber = fibers_[index];
    fiber.stack = std::make_unique_for_overwrite<std::byte[]>(emulated_stack_bytes);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = emulated_stack_bytes;
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

  void wait(EmulatedBarrier& barrier, unsigned count) {
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
  std::vector<EmulatedWarp> warps_;
  std::vector<Fiber> fibers_;
  EmulatedBarrier block_barrier_;
  ucontext_t scheduler_;
  std::exception_ptr failure_;
  unsigned running_ = 0, ended_ = 0;
  std::uint64_t progress_ = 0;
};

/// kernel(thread) for all threads of all blocks. Throws Error when threads wait for some that have ended.
inline void run_emulated(const EmulatedGrid& grid, const std::function<void(const EmulatedThread&)>& kernel) {
  for (std::size_t block = 0; block < grid.blocks; ++block) EmulatedBlock(grid, block, kernel).run();
}

inline std::size_t EmulatedThread::block() const { return EmulatedBlock::current().number(); }
inline std::byte* EmulatedThread::shared() { return EmulatedBlock::current().shared(); }
inline void EmulatedThread::copy_async(void* to, const void* from) const {
  EmulatedBlock::current().copies_of(index_).push_back({to, from});
}
inline void EmulatedThread::wait_for_copies() const {
  std::vector<EmulatedBlock::Copy>& copies = EmulatedBlock::current().copies_of(index_);
  for (const auto& [to, from] : copies) std::memcpy(to, from, 16);
  copies.clear();
}
inline void EmulatedThread::synchronize() const { EmulatedBlock::current().wait_for_block(); }
inline void EmulatedThread::synchronize_warp() const { EmulatedBlock::current().wait_for_warp(index_); }

inline float EmulatedThread::shuffle_xor(float value, int distance) const {
  const unsigned lane = index_ % emulated_warp;
  EmulatedWarp& warp = EmulatedBlock::current().warp_of(index_);
  warp.values[lane] = value;
  synchronize_warp();
  const float other = warp.values[lane ^ static_cast<unsigned>(distance)];
  synchronize_warp();
  return other;
}

/// As the PTX ISA says which lane has which number of a and of b, from the side of the sums. Numbers of 4 / per_word bytes: a word has
/// `per_word` neighbours, and words further on begin 4 * per_word numbers later. number_of(word, i) is one of a word.
template <unsigned per_word, unsigned halves, class Number, class Sum, class NumberOf>
void EmulatedThread::multiply_matrices(Sum (&sums)[4], const std::uint32_t* a, const std::uint32_t* b,
                                       const NumberOf& number_of) const {
  const unsigned lane = index_ % emulated_warp;
  EmulatedWarp& warp = EmulatedBlock::current().warp_of(index_);
  std::copy_n(a, 2 * halves, warp.a[lane]);
  std::copy_n(b, halves, warp.b[lane]);
  synchronize_warp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + i % 2;
    auto sum = static_cast<Number>(sums[i]);
    for (unsigned k = 0; k < 4 * per_word * halves; ++k) {
      const unsigned half = k / (4 * per_word), of_half = k % (4 * per_word);
      sum += number_of(warp.a[row % 8 * 4 + of_half / per_word][row / 8 + 2 * half], of_half % per_word) *
             number_of(warp.b[column * 4 + of_half / per_word][half], of_half % per_word);
    }
    sums[i] = static_cast<Sum>(sum);
  }
  synchronize_warp();
}

inline void EmulatedThread::multiply_add(float (&sums)[4], const std::uint32_t (&a)[4],
                                         const std::uint32_t (&b)[2]) const {
  multiply_matrices<2, 2, double>(sums, a, b, [](std::uint32_t word, unsigned i) {
    return static_cast<double>(bf16_to_f32(static_cast<std::uint16_t>(word >> (16 * i))));
  });
}

inline std::int64_t signed_byte_of(std::uint32_t word, unsigned i) {
  return static_cast<std::int8_t>(word >> (8 * i) & 0xFF);
}

inline void EmulatedThread::multiply_add(std::int32_t (&sums)[4], const std::uint32_t (&a)[4],
                                         const std::uint32_t (&b)[2]) const {
  multiply_matrices<4, 2, std::int64_t>(sums, a, b, signed_byte_of);
}
inline void EmulatedThread::multiply_add_half(std::int32_t (&sums)[4], const std::uint32_t (&a)[2],
                                              std::uint32_t b) const {
  multiply_matrices<4, 1, std::int64_t>(sums, a, &b, signed_byte_of);
}

inline std::uint32_t EmulatedThread::pack_bf16(float low, float high) {
  return static_cast<std::uint32_t>(f32_to_bf16(high)) << 16 | f32_to_bf16(low);
}

inline std::uint32_t EmulatedThread::subtract_bf16_pairs(std::uint32_t a, std::uint32_t b) {
  const auto half = [](std::uint32_t word, unsigned i) {
    return bf16_to_f32(static_cast<std::uint16_t>(word >> (16 * i)));
  };
  return pack_bf16(half(a, 0) - half(b, 0), half(a, 1) - half(b, 1));
}

}  // namespace quantbench::gpu
