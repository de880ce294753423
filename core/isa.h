// Which vector instruction set the CPU code uses, chosen at run time.
#pragma once

#include <string_view>
#include <vector>

namespace quantbench {

/// neon: 64-bit Arm with its byte products (SDOT: Armv8.2 and all newer machines).
enum class Isa { scalar, avx2, avx512, neon };

std::string_view to_string(Isa isa);
/// Those of machine_isas() that the process may use, slowest first: all unless it has a limit (isa_limit.h); scalar always is.
const std::vector<Isa>& available_isas();
/// Throws Error when `isa` is not one of them.
void require_isa(Isa isa);
/// The last of available_isas().
Isa best_isa();
/// Whether a machine with avx512 also has its byte products and byte shuffles (VNNI, VBMI): all since Ice Lake and Zen 4.
bool has_avx512_byte_products();
/// Whether a machine with these also has the matrix units of AMX for bytes, and the system lets this process use them (asked
/// once; it then keeps room for their registers).
bool has_amx_byte_products();
/// Likewise for bf16, with the vector instructions that round to it.
bool has_amx_bf16_products();

}  // namespace quantbench
