// The rates of a machine that bound every kernel: reading memory, and multiplying f32 numbers, bf16 numbers or bytes.
#pragma once

#include <cstddef>
#include <span>

namespace quantbench {

/// Twice the last-level cache, but at most 1 GiB. Where the cache is unknown: 256 MiB.
std::size_t default_rotation_bytes();
/// Bytes of the largest cache that the machine reports; 0 when it reports none. A virtual machine may report a cache
/// that it shares with others.
std::size_t last_level_cache_bytes();

/// What `threads` threads can do together: the best of several short runs, because all that disturbs makes them slower.
struct Peaks {
  int threads = 1;
  double read_bytes_per_second = 0;  // summing a buffer of `read_buffer_bytes`, each thread its own part
  double flops_per_second = 0;       // independent f32 multiply-adds in registers, with the best instruction set
  double int8_ops_per_second = 0;    // likewise multiply-adds of bytes to 32-bit sums
  double bf16_flops_per_second = 0;  // likewise of bf16 to f32, by matrix units where there are any
  std::size_t read_buffer_bytes = 0;
};

/// Reads all bytes, each thread long pieces of them; returns the seconds it took. With fetching ahead, which is faster than to leave
/// that to the machine.
double read_seconds(std::span<const std::byte> bytes, int threads);

Peaks measure_peaks(int threads, std::size_t read_buffer_bytes);

}  // namespace quantbench
