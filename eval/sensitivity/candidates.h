// What each matrix of a model can be stored as.
#pragma once

#include <string>
#include <vector>

#include "eval/runner/allocate.h"

namespace quantbench {

struct TensorCandidates {
  Tensor original;
  std::vector<AllocatedTensor> choices;  // in the order of the formats
};

/// With the solver and options of `method`. The linear layers in model order, then the other matrices. Throws Error for a
/// tensor that no format fits.
std::vector<TensorCandidates> candidates_of(const LoadedModel& model, const Method& method,
                                            const std::vector<std::string>& formats);

}  // namespace quantbench
