// Runs kernels on the CPU, thread by thread: what device_thread.cuh is on a device, for tests without one.
//
// Each thread of a block is a context of its own (ucontext), which goes on until it has to wait for others. Blocks run one after another.
// Threads run in ascending or in descending order: where a barrier is missing, one of the two reads what was not yet written. Shared memory is
// exactly as large as asked for, and NaN at first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

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
  void synchronize() const;
  void synchronize_warp() const;
  float shuffle_xor(float value, int distance) const;
  void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) const;
  static std::uint32_t pack_bf16(float low, float high);

 private:
  unsigned index_;
};

/// kernel(thread) for all threads of all blocks. Throws Error when threads wait for some that have ended.
void run_emulated(const EmulatedGrid& grid, const std::function<void(const EmulatedThread&)>& kernel);

}  // namespace quantbench::gpu
