// Work that all cells of a run share: calibration statistics, the base model's logits and the noise floor.
#pragma once

#include "eval/runner/runner.h"

namespace quantbench {

/// What the config's metrics need. Base logits that the store holds for this model and text are used again; processes
/// that share the store wait for the one that makes them. Throws Error.
SharedResults make_shared_results(const Config& config, const Experiment& experiment, const ResultStore& store,
                                  Claims& claims, const RunOptions& options);

}  // namespace quantbench
