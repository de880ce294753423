// With the byte products of 64-bit Arm: signed times signed bytes, four added to each sum. Codes that are no signed bytes are shifted.
#include "core/vector_neon.h"
#include "kernels/cpu/int8_tile_impl.h"

namespace quantbench {
namespace {

struct Int8TileNeon {
  using V = VectorNeon;
  using Sums = int32x4_t;
  static constexpr std::size_t vectors = 4, rows = 3;  // 12 integer sums and 12 totals of 32 registers
  static constexpr bool bits_are_floats = true;

  static float32x4_t load_words(const void* from) { return vld1q_f32(static_cast<const float*>(from)); }
  static void store_words(void* to, float32x4_t words) { vst1q_f32(static_cast<float*>(to), words); }
  static float32x4_t subtract(float32x4_t words, int shift) {
    return vreinterpretq_f32_s8(
        vsubq_s8(vreinterpretq_s8_f32(words), vdupq_n_s8(static_cast<std::int8_t>(shift & 0xFF))));
  }
  static Sums start(const std::int32_t* sum) { return vdupq_n_s32(*sum); }
  static int8x16_t broadcast(const std::int8_t* x) {
    std::int32_t four;
    __builtin_memcpy(&four, x, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
  static void add_products(Sums& sums, float32x4_t codes, int8x16_t x) {
    sums = vdotq_s32(sums, vreinterpretq_s8_f32(codes), x);
  }
  static float32x4_t floats(Sums sums) { return vreinterpretq_f32_s32(sums); }
};

}  // namespace

Int8TileKernel int8_tile_neon(const CodeTraits& traits) {
  return tile_kernel<Int8TileNeon>(traits, traits.largest_code <= 127 ? 0 : 128);
}

}  // namespace quantbench
