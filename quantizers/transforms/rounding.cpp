#include "quantizers/transforms/rounding.h"

#include "core/parallel.h"

namespace quantbench {

Method search_rounding(const Format& format) {
  Method method{.transforms = {}, .solver = "rtn", .target = format.id, .options = {}};
  if (format.floating_point) {
    method.solver.clear();
    return method;
  }
  const bool zero_point = format.has_offset && format.encode_reference == nullptr && format.round_affine != nullptr &&
                          !format.scale_per_tensor;
  if (zero_point) method.options["grid"] = "spread";
  const Solver& rtn = *Registry<SolverEntry>::instance().at("rtn").solver;
  try {
    rtn.check(format, method.options);
  } catch (const Error&) {  // the format has no plain rounding
    method.solver = "search";
    method.options = {{"effort", "fast"}};
  }
  return method;
}

std::vector<float> decoded(const Tensor& tensor, int threads) {
  if (!is_loaded(tensor)) return decoded(loaded(tensor), threads);
  std::vector<float> values(tensor.weights());
  parallel_for(threads, tensor.rows, [&](std::size_t row) {
    tensor.format->decode(*tensor.format, tensor.row(row), tensor.cols, 0,
                          std::span(values).subspan(row * tensor.cols, tensor.cols));
  });
  return values;
}

std::vector<float> rounded(const Method& rounding, MatrixView weights, const LayerCalibration& calibration,
                           int threads) {
  return decoded(quantize_tensor(rounding, "weight", weights, calibration, threads).view(), threads);
}

}  // namespace quantbench
