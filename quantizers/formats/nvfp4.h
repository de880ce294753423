// NVFP4: 64 weights in 36 bytes, 4.5 bits per weight. weight = (scale / 2) * value(code), groups of 16
//   0  4 UE4M3   scales: 4 bits exponent (bias 7), 3 bits mantissa, no sign
//   4  32 bytes  8 of each group: nibbles, weights 0..7 in the low halves; codes 0..15 into e2m1_doubled
// The scale that files keep for the whole tensor (NAME.scale) multiplies the layer's output and is not part of a block.
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/codebook16.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

QUANTBENCH_DEVICE_TABLE constexpr std::uint8_t nvfp4_byte_of_weight[32] = {
    0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15};
/// A product with it moves the wanted half of the byte to the top.
QUANTBENCH_DEVICE_TABLE constexpr std::uint8_t nvfp4_half_of_weight[32] = {
    16, 16, 16, 16, 16, 16, 16, 16, 1, 1, 1, 1, 1, 1, 1, 1, 16, 16, 16, 16, 16, 16, 16, 16, 1, 1, 1, 1, 1, 1, 1, 1};

struct NVFP4 : FixedBlocks<NVFP4> {
  static constexpr const char* id = "nvfp4";
  static constexpr std::uint32_t gguf_type = 40;
  static constexpr int block = 64, group = 16, block_bytes = 36;
  static constexpr int level_min = -12, level_max = 12;
  static constexpr const auto& level_values = e2m1_doubled_ascending;
  static constexpr bool has_offset = false;
  static constexpr int largest_scale_code = 0x7E;  // 448; 0x7F means zero

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const std::byte* p = b + 4 + i / 32 * 16;
    const auto bytes = L::picked_bytes(p, p, nvfp4_byte_of_weight, i % 32);
    return L::lookup(e2m1_doubled, L::shift_right(L::multiply(bytes, L::constants(nvfp4_half_of_weight, i % 32)), 4));
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    return {scale_of(OneLane::unsigned_bytes(b, index)), 0};
  }

  /// Half the UE4M3 number. The eighth bit is not read, but for 0xFF, which decoders do not take for the NaN that 0x7F is.
  [[gnu::always_inline]] static constexpr float scale_of(int code) {
    const int exponent = code >> 3 & 15, mantissa = code & 7;
    if (code == 0x7F) return 0;
    if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(exponent + 119) << 23) *
           (1 + static_cast<float>(mantissa) / 8);
  }

  /// The code of the stored scale nearest to the magnitude of `scale`; levels come in both signs.
  static int nearest_scale_code(float scale) {
    const float magnitude = std::fabs(scale);
    if (magnitude < scale_of(8)) return static_cast<int>(std::ceil(magnitude * 0x1p10f - 0.5f));
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, magnitude) + 0x7FFFFu;  // halves are rounded down
    return std::min(static_cast<int>(bits >> 20) - (119 << 3), largest_scale_code);
  }
  static Affine round_affine(Affine wanted) {
    const int code = nearest_scale_code(wanted.scale);
    return {scale_of(code == 0 && wanted.scale != 0 ? 1 : code), 0};
  }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    for (int index = 0; index < block / group; ++index)
      store_group(b, index, nearest_scale_code(affine[index].scale),
                  [&](int i) { return e2m1_code(level[index * group + i]); });
  }

  /// The scale takes the largest weight to 12. Its mantissa is rounded half up.
  static void encode_block(const float* weights, std::byte* b) {
    for (int index = 0; index < block / group; ++index) {
      const float* of_group = weights + index * group;
      const int code = reference_scale_code(std::fabs(signed_extreme({of_group, group})) / 6);
      store_group(b, index, code, [&](int i) { return nearest_e2m1(of_group[i], scale_of(code)); });
    }
  }

 private:
  static int reference_scale_code(float scale) {
    if (scale >= 448) return largest_scale_code;
    if (scale < 0x1p-6f) return std::min(7, static_cast<int>(std::floor(scale * 512 + 0.5f)));  // subnormal stays so
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, scale) + (1u << 19);
    const int code = static_cast<int>(bits >> 20) - (120 << 3);
    return code >= 0x78 ? largest_scale_code : code;
  }

  template <class Code>
  static void store_group(std::byte* b, int index, int scale_code, const Code& code) {
    b[index] = static_cast<std::byte>(scale_code);
    for (int i = 0; i < 8; ++i) b[4 + 8 * index + i] = static_cast<std::byte>(code(i) | code(i + 8) << 4);
  }
};

}  // namespace quantbench::formats
