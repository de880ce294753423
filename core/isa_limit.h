// Which vector instruction sets a process may use at most. For main programs; all other code asks core/isa.h.
#pragma once

#include <string_view>
#include <vector>

#include "core/isa.h"

namespace quantbench {

/// The inverse of to_string. Throws Error that lists the names.
Isa parse_isa(std::string_view name);

/// The instruction sets that this build has code for and this machine can run, slowest first, whatever the limit.
const std::vector<Isa>& machine_isas();

/// Keeps the process from using anything newer than `newest`: core/isa.h then answers as on a machine that has nothing newer (byte
/// products count as part of avx512). To be called once, at the start: throws Error when anything was asked there before, since
/// whoever asked may have kept the answer, and when `newest` is not one of machine_isas().
void limit_isas(Isa newest);

}  // namespace quantbench
