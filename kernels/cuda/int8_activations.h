// Activations rounded to eight bits by a device: the integers and scales that the CPU makes (kernels/cpu/int8_activations.h), bit by bit.
#pragma once

#include <cmath>

#include "kernels/cuda/device_decode.h"

namespace quantbench::gpu {

constexpr unsigned int8_runs_of_step = 2;

/// Of a run of 32 activations.
struct alignas(16) RoundedRunFacts {
  float scale;
  float sum;           // scale * sum of the integers
  float half_sums[2];  // of 16 each
};

/// Rounded activations in memory of the device. Zeros beyond the columns, up to whole steps.
struct Int8Workspace {
  std::size_t cols = 0, batch = 0;
  std::byte* memory = nullptr;  // bytes(), aligned to 16

  QUANTBENCH_HOST_DEVICE std::uint32_t runs() const {
    return (runs_in(cols) + int8_runs_of_step - 1) / int8_runs_of_step * int8_runs_of_step;
  }
  QUANTBENCH_HOST_DEVICE std::size_t all_runs() const { return batch * runs(); }
  std::size_t bytes() const { return all_runs() * (run_weights + sizeof(RoundedRunFacts)); }

  QUANTBENCH_HOST_DEVICE std::uint32_t* values() const {
    return reinterpret_cast<std::uint32_t*>(memory);
  }  // (batch, runs, 8)
  QUANTBENCH_HOST_DEVICE RoundedRunFacts* facts() const {
    return reinterpret_cast<RoundedRunFacts*>(memory + all_runs() * run_weights);  // (batch, runs)
  }
};

struct RoundInt8Arguments {
  Int8Workspace to;
  const float* x = nullptr;  // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
};

/// Each thread rounds four neighbours of a run, and eight threads tell each other what they found.
struct RoundInt8Kernel {
  static constexpr unsigned threads = 256, columns = 4, threads_of_run = run_weights / columns;

  static std::size_t blocks(const RoundInt8Arguments& arguments) {
    return (arguments.to.all_runs() * threads_of_run + threads - 1) / threads;
  }

  template <class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const RoundInt8Arguments& arguments) {
    const std::size_t index = std::size_t{thread.block()} * threads + thread.index();
    const std::size_t run = index / threads_of_run;
    const bool exists = run < arguments.to.all_runs();
    float four[columns] = {};
    if (exists) load(arguments, run, index % threads_of_run * columns, four);
    std::uint32_t largest = 0;
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < columns; ++i)
      largest = larger(largest, __builtin_bit_cast(std::uint32_t, four[i]) & 0x7FFFFFFFu);
    for (int distance = threads_of_run / 2; distance > 0; distance /= 2)
      largest = larger(
          largest, __builtin_bit_cast(std::uint32_t, thread.shuffle_xor(__builtin_bit_cast(float, largest), distance)));
    const Scaling scaling = scaling_of(largest);
    std::uint32_t word = 0;
    int sum = 0;
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < columns; ++i) {
      const int value = scaling.finite ? rounded(four[i], scaling.inverse) : 0;
      word |= (static_cast<std::uint32_t>(value) & 0xFF) << (8 * i);
      sum += value;
    }
    float half_sum = static_cast<float>(sum);  // exact, as all of these sums
    half_sum += thread.shuffle_xor(half_sum, 1);
    half_sum += thread.shuffle_xor(half_sum, 2);
    const float other_half = thread.shuffle_xor(half_sum, 4);
    if (!exists) return;
    arguments.to.values()[index] = word;
    if (index % threads_of_run == 0)
      store_aligned(arguments.to.facts() + run,
                    RoundedRunFacts{scaling.scale,
                                    scaling.scale * (half_sum + other_half),
                                    {scaling.scale * half_sum, scaling.scale * other_half}});
  }

 private:
  struct Scaling {
    float scale, inverse;
    bool finite;
  };

  QUANTBENCH_DEVICE static std::uint32_t larger(std::uint32_t a, std::uint32_t b) { return a > b ? a : b; }

  /// largest: the bits of the largest magnitude; those of numbers that are not finite are larger than all others.
  QUANTBENCH_DEVICE static Scaling scaling_of(std::uint32_t largest) {
    constexpr std::uint32_t infinity = 0x7F800000u;
    constexpr float smallest = 0x1p-100f;
    if (largest >= infinity) return {__builtin_bit_cast(float, 0x7FC00000u), 0, false};
    const float magnitude = __builtin_bit_cast(float, largest);
    return magnitude > smallest ? Scaling{magnitude / 127, 127 / magnitude, true} : Scaling{0, 0, true};
  }

  /// To the nearest, of two the even one.
  QUANTBENCH_DEVICE static int rounded(float x, float inverse) {
    constexpr float rounder = 0x1.8p23f;
    return __builtin_bit_cast(int, x* inverse + rounder) - __builtin_bit_cast(int, rounder);
  }

  QUANTBENCH_DEVICE static void load(const RoundInt8Arguments& arguments, std::size_t run, unsigned column,
                                     float (&four)[columns]) {
    const std::uint32_t runs = arguments.to.runs();
    const std::size_t row = run / runs, first = run % runs * run_weights + column;
    const float* const x = arguments.x + row * arguments.x_stride + first;
    QUANTBENCH_UNROLL
    for (unsigned i = 0; i < columns; ++i)
      if (first + i < arguments.to.cols) four[i] = x[i];
  }
};

}  // namespace quantbench::gpu
