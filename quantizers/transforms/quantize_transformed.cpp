#include "quantizers/transforms/quantize_transformed.h"

#include <algorithm>
#include <cstring>

#include "quantizers/formats/registry.h"
#include "quantizers/transforms/clip.h"
#include "quantizers/transforms/rounding.h"
#include "quantizers/transforms/salient.h"

namespace quantbench {
namespace {

TensorData as_f32(const std::string& name, MatrixView weights) {
  TensorData tensor(name, weights.rows, weights.cols, find_format("f32"));
  std::memcpy(tensor.row(0).row, weights.values.data(), weights.values.size_bytes());
  return tensor;
}

}  // namespace

CalibrationNeeds needs_after_transforms(const Method& method) {
  if (method.solver.empty()) return {};
  const Solver& solver = *Registry<SolverEntry>::instance().at(method.solver).solver;
  CalibrationNeeds needs = solver.needs(solver_options(without_transforms(method)));
  if (kept_count(method, 1) > 0) needs.mean_absolute = true;
  return needs;
}

TensorData quantize_transformed(const Method& method, const std::string& name, MatrixView weights,
                                const LayerCalibration& calibration, int threads, std::vector<std::string>* remarks) {
  const Method plain = without_transforms(method);
  LayerCalibration known = calibration;
  std::vector<float> clamped;
  MatrixView target = weights;
  if (clip_of(method) == Clip::weights && !known.grid_limits.empty()) {
    clamped.assign(weights.values.begin(), weights.values.end());
    clamp_groups(clamped, weights.cols, find_format(method.target)->group, known.grid_limits);
    target.values = clamped;
    known.grid_limits = {};
  }
  const std::vector<std::size_t> salient = kept_columns(method, name, weights, calibration);
  const std::optional<float> factor = salient_factor(method);
  std::vector<float> scaled;
  if (factor) {
    scaled.assign(target.values.begin(), target.values.end());
    scale_columns(salient, *factor, weights.cols, scaled);
    target.values = scaled;
  }
  TensorData packed = quantize_tensor(plain, name, target, known, threads, remarks);
  if (salient.empty()) return packed;
  std::vector<float> values = decoded(packed.view(), threads);
  if (factor)
    scale_columns(salient, 1 / *factor, weights.cols, values);
  else
    put_back(salient, weights, values);
  return as_f32(name, {values, weights.rows, weights.cols});
}

std::uint64_t stored_bytes(const Method& method, std::size_t rows, std::size_t cols) {
  return find_format(method.target)->tensor_bytes(rows, cols) + kept_bytes(method, rows, cols);
}

}  // namespace quantbench
