// How long the cells of a plan will take on this machine: by its measured speed, corrected by the cells of the store that are
// finished already.
#pragma once

#include <filesystem>

#include "eval/runner/plan.h"
#include "eval/runner/runner.h"

namespace quantbench {

struct PredictionOptions {
  std::filesystem::path folder;  // of the store; need not be there
  int threads = 1;
  RunEvents events{};
};

/// Sets the seconds of the plan and its cells. Measuring the speed takes about a second; it is left out when all cells are
/// finished. Throws Error.
void predict_seconds(Plan& plan, const Experiment& experiment, const PredictionOptions& options);

/// A finished cell of the plan, and how long it took.
struct FinishedCell {
  std::size_t index = 0;
  double seconds = 0;
};
/// Multiplies predictions by the median of what the finished cells of the same kind (transforms, solver, way to compute products)
/// took beyond theirs; where no cell of the kind is finished, by that of all.
void correct_seconds(Plan& plan, const std::vector<FinishedCell>& finished);

}  // namespace quantbench
