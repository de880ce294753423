// Quantize one tensor with a method: the step every consumer (runner, `quantize`, `layer`) shares.
#pragma once

#include "core/tensor.h"
#include "quantizers/method.h"
#include "quantizers/solver.h"

namespace quantbench {

/// Quantizes `weights` (rows, cols). The method has no transforms, which concern more than one tensor, and its target is a format:
/// mixes are the business of Allocation. The solver sees
/// calibration.mean_square as the option `imatrix` has it (quantizers/column_weights.h). Throws Error naming the tensor and
/// the first place when a weight is NaN or infinite. remarks: see SolverInput.
TensorData quantize_tensor(const Method& method, const std::string& name, MatrixView weights,
                           const LayerCalibration& calibration, int threads,
                           std::vector<std::string>* remarks = nullptr);

}  // namespace quantbench
