// The tile registers of AMX: sixteen rows of 64 bytes each. Only for translation units compiled for AVX-512; who runs them has asked
// has_amx_byte_products() or has_amx_bf16_products() first.
//
// The compiler's functions for these instructions take the number of a tile as text, not as a template's argument.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quantbench {
namespace {

/// As the instruction that loads it wants it.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes_of_row[16] = {};
  std::uint8_t rows[16] = {};
};

/// The tiles may be used while this lives.
class ConfiguredTiles {
 public:
  explicit ConfiguredTiles(const TileConfiguration& tiles) { __asm__ volatile("ldtilecfg %0" ::"m"(tiles)); }
  ~ConfiguredTiles() { __asm__ volatile("tilerelease"); }
  ConfiguredTiles(const ConfiguredTiles&) = delete;
  ConfiguredTiles& operator=(const ConfiguredTiles&) = delete;
};

template <int tile>
[[gnu::always_inline]] inline void load_tile(const void* from, std::size_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void store_tile(void* to, std::size_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void clear_tile() {
  __asm__ volatile("tilezero %%tmm%c0" ::"i"(tile));
}

}  // namespace
}  // namespace quantbench
