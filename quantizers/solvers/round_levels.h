// From scales to a stored tensor: the step that solvers of formats with float levels have in common.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace quantbench {

/// Rounds the scales, (rows, groups of a row), to what the format of `out` stores, then each weight to the nearest level of its
/// stored scale. The format has float levels; where it has one scale for the tensor, that is the first.
void store_rounded(MatrixView weights, std::vector<float> scales, int threads, TensorData& out);

}  // namespace quantbench
