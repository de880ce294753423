// Which vector instruction set the CPU code uses, chosen at run time.
#pragma once

#include <string_view>
#include <vector>

namespace quantbench {

enum class Isa { scalar, avx2, avx512 };

std::string_view to_string(Isa isa);
/// The instruction sets that this build has code for and this machine can run, slowest first; scalar always is.
const std::vector<Isa>& available_isas();
/// The last of available_isas().
Isa best_isa();

}  // namespace quantbench
