// Which part of packed_kernels.cu has which format.
#pragma once

#include <span>

#include "kernels/cuda/device/packed_kernels.h"
#include "quantizers/formats/all.h"

namespace quantbench::gpu {

constexpr std::size_t part_count = QUANTBENCH_CUDA_PARTS;

template <class F, class... All>
constexpr std::size_t index_in(formats::List<All...>) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<F, All> ? false : (++index, true)) && ...));
  return index;
}

/// Neighbours in the list, which are alike, come into different parts: all take as long to compile.
template <class F>
constexpr std::size_t part_of = index_in<F>(formats::All{}) % part_count;

/// Fills in the entries of its formats.
template <std::size_t part>
void add_packed_kernels(std::span<PackedKernels> by_layout);

}  // namespace quantbench::gpu
