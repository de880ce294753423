// The last step of a method with transforms, when its scales are in the weights: clip, solver, kept columns.
#pragma once

#include "quantizers/quantize.h"

namespace quantbench {

/// What the solver and the last step look at. Nothing for methods without a solver.
CalibrationNeeds needs_after_transforms(const Method& method);

/// Like quantize_tensor; methods without transforms are the same. calibration.grid_limits are what a clip search found, whatever
/// they are for. The result is in f32 where the method keeps columns.
TensorData quantize_transformed(const Method& method, const std::string& name, MatrixView weights,
                                const LayerCalibration& calibration, int threads,
                                std::vector<std::string>* remarks = nullptr);

/// Of what the method stores for a tensor; the target is a format.
std::uint64_t stored_bytes(const Method& method, std::size_t rows, std::size_t cols);

}  // namespace quantbench
