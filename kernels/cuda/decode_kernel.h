// Packed weights to f32. Each thread decodes one run; a warp writes its 32 runs together, through shared memory, so that neighbours
// in a row are written by neighbours in the warp.
#pragma once

#include "kernels/cuda/codebook_lanes.h"

namespace quantbench::gpu {

template <class F>
struct DecodeArguments {
  PackedMatrix<F> weights;
  float* out = nullptr;  // (rows, cols)
};

struct DecodeKernel {
  static constexpr unsigned threads = 128, warp = 32;
  static constexpr unsigned padded_run = run_weights + 1;  // one more, so that columns of runs lie in different banks

  template <class F>
  static constexpr std::size_t shared_bytes = codebook_bytes<F> + threads* padded_run * sizeof(float);

  /// Blocks for all runs of the matrix, 128 each.
  template <class F>
  static std::size_t blocks(const PackedMatrix<F>& weights) {
    return (weights.rows * runs_of_row<F>(weights.shape) + threads - 1) / threads;
  }

  template <class F, class Thread>
  QUANTBENCH_DEVICE static void run(const Thread& thread, const DecodeArguments<F>& arguments) {
    load_codebook<F>(thread, threads);
    thread.synchronize();
    const PackedMatrix<F>& weights = arguments.weights;
    const std::uint32_t row_runs = runs_of_row<F>(weights.shape);
    const std::size_t first_run = std::size_t{thread.block()} * threads + thread.index() / warp * warp;
    const std::size_t all_runs = weights.rows * row_runs;
    const unsigned lane = thread.index() % warp;
    auto* const runs =
        reinterpret_cast<float*>(Thread::shared() + codebook_bytes<F>) + thread.index() / warp * warp * padded_run;
    if (first_run + lane < all_runs) {
      const std::size_t row = (first_run + lane) / row_runs;
      const RunPlace place = place_of_run<F>(weights.shape, static_cast<std::uint32_t>((first_run + lane) % row_runs));
      const RunOfFloats decoded = decode_run<F, LanesOf<F, Thread>>(weights, row, place);
      QUANTBENCH_UNROLL
      for (unsigned i = 0; i < run_weights; ++i) runs[lane * padded_run + i] = decoded.value[i];
    }
    thread.synchronize_warp();
    for (unsigned i = 0; i < warp && first_run + i < all_runs; ++i) {
      const std::size_t row = (first_run + i) / row_runs;
      const RunPlace place = place_of_run<F>(weights.shape, static_cast<std::uint32_t>((first_run + i) % row_runs));
      if (lane < static_cast<unsigned>(place.weights))
        arguments.out[row * weights.shape.cols + place.column + lane] = runs[i * padded_run + lane];
    }
  }
};

}  // namespace quantbench::gpu
