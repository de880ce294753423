// Quantize one tensor with a method: the step every consumer (runner, `quantize`, `layer`) shares.
#pragma once

#include "core/tensor.h"
#include "quantizers/method.h"
#include "quantizers/solver.h"

namespace quantbench {

/// The format that `method` gives to a tensor of this name and shape: uniform for now, per tensor once mixes exist.
/// Throws Error when the shape cannot be stored in it.
std::shared_ptr<const Format> allocate_format(const Method& method, const std::string& tensor, std::size_t rows,
                                              std::size_t cols);

/// Quantizes `weights` (rows, cols). Throws Error naming the tensor and the first place when a weight is NaN or
/// infinite.
TensorData quantize_tensor(const Method& method, const std::string& name, MatrixView weights,
                           const LayerCalibration& calibration, int threads);

}  // namespace quantbench
