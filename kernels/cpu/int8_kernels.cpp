#include "kernels/cpu/int8_kernels.h"

#include "core/error.h"

namespace quantbench {
namespace {

const Int8Kernels* table_of([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 && has_avx512_byte_products()) return int8_kernels_avx512();
  if (isa != Isa::scalar) return int8_kernels_avx2();
#elif defined(__aarch64__)
  if (isa == Isa::neon) return int8_kernels_neon();
#endif
  return int8_kernels_scalar();
}

}  // namespace

bool has_int8_kernels(const Format& format) {
  const Int8Kernels& scalar = int8_kernels_scalar()[format.layout];
  return scalar.group != 0 && format.group % scalar.group == 0;
}

const Int8Kernels& int8_kernels(const Format& format, Isa isa) {
  require_isa(isa);
  if (!has_int8_kernels(format)) fail("{}: there are no kernels in integers for this format", format.id);
  return table_of(isa)[format.layout];
}

}  // namespace quantbench
