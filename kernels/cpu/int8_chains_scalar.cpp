#include "core/isa.h"
#include "kernels/cpu/int8_chains_impl.h"

namespace quantbench {
namespace {

struct ChainsScalar {
  using Register = std::int32_t;
  static constexpr std::size_t bytes = 1;
  static Register broadcast(signed char value) { return value; }
  static void add_products(Register& sum, Register code, Register x) {
    sum =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>((code | (sum & 1)) * x));
  }
  static std::int32_t first(Register sum) { return sum; }
};

}  // namespace

std::size_t int8_chains_scalar(std::size_t rounds, std::int32_t* sink) {
  return run_int8_chains<ChainsScalar>(rounds, sink);
}

Int8Chains int8_chains(Isa isa) {
  require_isa(isa);
#if defined(__x86_64__)
  if (isa == Isa::avx512 && has_avx512_byte_products()) return int8_chains_avx512;
  if (isa != Isa::scalar) return int8_chains_avx2;
#elif defined(__aarch64__)
  if (isa == Isa::neon) return int8_chains_neon;
#endif
  return int8_chains_scalar;
}

}  // namespace quantbench
