// How much memory a cell will need, from sizes alone.
#pragma once

#include <cstdint>

#include "eval/runner/plan.h"

namespace quantbench {

struct MemoryTask {
  const Config& config;
  const Experiment& experiment;
  const PlannedCell& cell;  // with its allocation and blockwise memory
};

/// At most the resident memory of a process that runs the cell, in bytes: the larger of what quantizing and what evaluating
/// needs, the program and the vocabulary included. Pages of mapped files count while they are used.
std::uint64_t predicted_peak_bytes(const MemoryTask& task);

}  // namespace quantbench
