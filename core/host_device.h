// What lets one source serve the CPU and CUDA devices. Without a CUDA compiler all of it is empty.
//
// constexpr functions need nothing: the CUDA compiler is told to take them for device code too (--expt-relaxed-constexpr). What
// is left are functions that cannot be constexpr and tables that are looked up at run time. A table without the mark has no address
// on the device, and the compiler says nothing: a thread that reads it stops. The test `kernels_cuda_tables` looks for that.
#pragma once

#if defined(__CUDACC__)
#define QUANTBENCH_HOST_DEVICE __host__ __device__
#define QUANTBENCH_DEVICE __device__
#define QUANTBENCH_DEVICE_TABLE __device__
#else
#define QUANTBENCH_HOST_DEVICE
#define QUANTBENCH_DEVICE
#define QUANTBENCH_DEVICE_TABLE
#endif

#if defined(__CUDA_ARCH__)
#define QUANTBENCH_UNROLL _Pragma("unroll")
#else
#define QUANTBENCH_UNROLL
#endif
