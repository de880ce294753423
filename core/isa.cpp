#include "core/isa.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "core/error.h"
#include "core/isa_limit.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace quantbench {
namespace {

#if defined(__x86_64__)

// Asked by CPUID: clang's __builtin_cpu_supports does not know this extension.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool has_byte_products() { return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi"); }

// Compilers of today do not know these extensions by name everywhere.
constexpr unsigned amx_bf16 = 1u << 22, amx_tiles = 1u << 24, amx_bytes = 1u << 25;

bool has_amx_instructions(unsigned wanted) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & wanted) == wanted;
}

bool has_avx512_bf16() { return __builtin_cpu_supports("avx512bf16"); }

// Linux gives the registers to processes that ask; elsewhere there is no such way.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

#else

constexpr unsigned amx_bf16 = 0, amx_tiles = 0, amx_bytes = 0;
bool has_amx_instructions(unsigned) { return false; }
bool may_use_tiles() { return false; }
bool has_avx512_bf16() { return false; }

bool has_byte_products() { return false; }
bool has_avx2() { return false; }
bool has_avx512() { return false; }

#endif

#if defined(__aarch64__) && defined(__linux__)
bool has_neon() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#elif defined(__aarch64__) && defined(__APPLE__)
bool has_neon() { return true; }
#else
bool has_neon() { return false; }
#endif

std::vector<Isa> detect_isas() {
  std::vector<Isa> found{Isa::scalar};
  if (has_avx2()) found.push_back(Isa::avx2);
  if (has_avx2() && has_avx512()) found.push_back(Isa::avx512);
  if (has_neon()) found.push_back(Isa::neon);
  return found;
}

std::vector<std::string_view> names_of(std::span<const Isa> isas) {
  std::vector<std::string_view> names;
  for (const Isa isa : isas) names.push_back(to_string(isa));
  return names;
}

std::vector<Isa> machine_isas_up_to(Isa newest) {
  const std::vector<Isa>& all = machine_isas();
  return {all.begin(), std::ranges::find(all, newest) + 1};
}

/// What the process uses. The first call decides, and says so in `decided_here`: a static that is never written again, so that
/// no answer that someone keeps can become wrong.
const std::vector<Isa>& decided_isas(Isa newest, bool& decided_here) {
  static const std::vector<Isa> isas = [&] {
    decided_here = true;
    return machine_isas_up_to(newest);
  }();
  return isas;
}

}  // namespace

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::neon:
      return "neon";
  }
  return "unknown";
}

Isa parse_isa(std::string_view name) {
  constexpr Isa all[] = {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon};
  const auto found = std::ranges::find(all, name, to_string);
  if (found == std::end(all))
    fail("unknown instruction set '{}': expected one of {}", name, fmt::join(names_of(all), ", "));
  return *found;
}

const std::vector<Isa>& machine_isas() {
  static const std::vector<Isa> isas = detect_isas();
  return isas;
}

void limit_isas(Isa newest) {
  if (std::ranges::find(machine_isas(), newest) == machine_isas().end())
    fail("this machine cannot run {}: expected one of {}", to_string(newest),
         fmt::join(names_of(machine_isas()), ", "));
  bool decided_here = false;
  const std::vector<Isa>& decided = decided_isas(newest, decided_here);
  if (!decided_here)
    fail("too late to limit the instruction set to {}: the process already uses {}", to_string(newest),
         to_string(decided.back()));
}

const std::vector<Isa>& available_isas() {
  bool decided_here = false;
  return decided_isas(machine_isas().back(), decided_here);
}

void require_isa(Isa isa) {
  if (std::ranges::find(available_isas(), isa) == available_isas().end())
    fail("this machine cannot run {} kernels", to_string(isa));
}

Isa best_isa() { return available_isas().back(); }

bool has_avx512_byte_products() {
  static const bool has = best_isa() == Isa::avx512 && has_byte_products();
  return has;
}

bool has_amx_byte_products() {
  static const bool has = has_avx512_byte_products() && has_amx_instructions(amx_tiles | amx_bytes) && may_use_tiles();
  return has;
}

bool has_amx_bf16_products() {
  static const bool has =
      best_isa() == Isa::avx512 && has_avx512_bf16() && has_amx_instructions(amx_tiles | amx_bf16) && may_use_tiles();
  return has;
}

}  // namespace quantbench
