#include <arm_neon.h>

#include "kernels/cpu/int8_chains_impl.h"

namespace quantbench {
namespace {

struct ChainsNeon {
  using Register = int32x4_t;
  static constexpr std::size_t bytes = 16;
  static Register broadcast(signed char value) { return vreinterpretq_s32_s8(vdupq_n_s8(value)); }
  static void add_products(Register& sums, Register codes, Register x) {
    sums = vdotq_s32(sums, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(x));
  }
  static std::int32_t first(Register sums) { return vgetq_lane_s32(sums, 0); }
};

}  // namespace

std::size_t int8_chains_neon(std::size_t rounds, std::int32_t* sink) {
  return run_int8_chains<ChainsNeon>(rounds, sink);
}

}  // namespace quantbench
