#include <array>
#include <utility>

#include "kernels/cuda/device/packed_kernel_parts.h"

namespace quantbench::gpu {
namespace {

using Table = std::array<PackedKernels, formats::All::size>;

template <std::size_t... part>
Table all_parts(std::index_sequence<part...>) {
  Table by_layout{};
  (add_packed_kernels<part>(by_layout), ...);
  return by_layout;
}

}  // namespace

const PackedKernels& packed_kernels(const Format& format) {
  static const Table by_layout = all_parts(std::make_index_sequence<part_count>());
  return by_layout[format.layout];
}

}  // namespace quantbench::gpu
