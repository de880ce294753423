// What kernels need of the thread that runs them, on a device. Tests have another one that runs on the CPU (testing/emulated_grid.h).
#pragma once

#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

namespace quantbench::gpu {

struct DeviceThread {
  static constexpr unsigned all_lanes = 0xFFFFFFFFu;

  /// Of its block; blocks have one dimension, and warps are 32 threads with neighbouring indices.
  __device__ unsigned index() const { return threadIdx.x; }
  __device__ std::size_t block() const { return blockIdx.x; }

  /// The shared memory that the launch asked for, aligned to 16 bytes.
  static __device__ std::byte* shared() {
    extern __shared__ __align__(16) std::byte shared_memory[];
    return shared_memory;
  }

  /// Sixteen bytes to shared memory, both addresses aligned to 16. They are there, for this thread, after wait_for_copies.
  __device__ void copy_async(void* to, const void* from) const {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                 :
                 : "r"(static_cast<unsigned>(__cvta_generic_to_shared(to))), "l"(__cvta_generic_to_global(from))
                 : "memory");
  }
  __device__ void wait_for_copies() const { asm volatile("cp.async.wait_all;" : : : "memory"); }

  __device__ void synchronize() const { __syncthreads(); }
  __device__ void synchronize_warp() const { __syncwarp(); }
  /// What the lane whose index differs in the bits of `distance` calls it with.
  __device__ float shuffle_xor(float value, int distance) const { return __shfl_xor_sync(all_lanes, value, distance); }

  /// sums += a b, of the whole warp: matmul_kernel.h says which lane has what.
  __device__ void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) const {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, "
        "%2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
  /// The same of bytes with signs: mma.m16n8k32, and of its first or second half mma.m16n8k16. int8_matmul_kernel.h says which lane has what.
  __device__ void multiply_add(std::int32_t (&sums)[4], const std::uint32_t (&a)[4],
                               const std::uint32_t (&b)[2]) const {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
        "%3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
  __device__ void multiply_add_half(std::int32_t (&sums)[4], const std::uint32_t (&a)[2], std::uint32_t b) const {
    asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(b));
  }
  /// Of two bf16 numbers in each word.
  static __device__ std::uint32_t subtract_bf16_pairs(std::uint32_t a, std::uint32_t b) {
    const __nv_bfloat162 difference = __hsub2(pair_of(a), pair_of(b));
    return static_cast<std::uint32_t>(__bfloat16_as_ushort(difference.y)) << 16 | __bfloat16_as_ushort(difference.x);
  }
  /// Rounded to nearest even; `low` in the lower half.
  static __device__ std::uint32_t pack_bf16(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return static_cast<std::uint32_t>(__bfloat16_as_ushort(pair.y)) << 16 | __bfloat16_as_ushort(pair.x);
  }

 private:
  static __device__ __nv_bfloat162 pair_of(std::uint32_t word) {
    return {__ushort_as_bfloat16(static_cast<unsigned short>(word & 0xFFFF)),
            __ushort_as_bfloat16(static_cast<unsigned short>(word >> 16))};
  }
};

}  // namespace quantbench::gpu
