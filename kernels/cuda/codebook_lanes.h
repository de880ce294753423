// Lanes of kernels that keep the codebook of their format in shared memory: reads of any places of it are served at once there, where
// a cache serves one line after another.
#pragma once

#include <type_traits>

#include "kernels/cuda/device_decode.h"

namespace quantbench::gpu {

template <class F>
constexpr std::size_t codebook_bytes = [] {
  if constexpr (requires { F::codebook; }) return F::codebook.values.size();
  return std::size_t{0};
}();

/// Thread: kernels/cuda/device/device_thread.cuh. Its shared memory begins with the codebook (load_codebook).
template <class F, class Thread>
struct CodebookLanes : ThreadLanes {
  template <class Table, class IndexOf>
  QUANTBENCH_DEVICE static RunOfBytes octets(const Table& table, int i, const IndexOf& index_of) {
    return ThreadLanes::octets(nearer(table), i, index_of);
  }
  template <class Table, class IndexOf>
  QUANTBENCH_DEVICE static RunOfBytes quads(const Table& table, int i, const IndexOf& index_of) {
    return ThreadLanes::quads(nearer(table), i, index_of);
  }

 private:
  /// Tables of another size are not the codebook: the two shifts of IQ1_M.
  template <class Table>
  QUANTBENCH_DEVICE static const std::int8_t* nearer(const Table& table) {
    if constexpr (std::is_array_v<Table> && std::extent_v<Table> == codebook_bytes<F>)
      return reinterpret_cast<const std::int8_t*>(Thread::shared());
    else
      return table;
  }
};

/// Lanes for F, and the bytes of shared memory that they need.
template <class F, class Thread>
using LanesOf = std::conditional_t<codebook_bytes<F> != 0, CodebookLanes<F, Thread>, ThreadLanes>;

/// By all threads of a block, before a barrier.
template <class F, class Thread>
QUANTBENCH_DEVICE void load_codebook(const Thread& thread, unsigned threads) {
  if constexpr (codebook_bytes<F> != 0) {
    const auto* from = reinterpret_cast<const std::uint32_t*>(F::codebook.values.data());
    auto* to = reinterpret_cast<std::uint32_t*>(Thread::shared());
    for (unsigned i = thread.index(); i < codebook_bytes<F> / 4; i += threads) to[i] = from[i];
  }
}

}  // namespace quantbench::gpu
