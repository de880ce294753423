#include "eval/calibration.h"

#include "core/error.h"
#include "eval/forward_windows.h"

namespace quantbench {

Calibration collect_calibration(const Model& model, const Weights& weights, const Windows& windows,
                                const CalibrationOptions& options) {
  std::map<std::string, LayerSums, std::less<>> sums;
  ForwardOptions forward;
  forward.threads = options.threads;
  forward.observe_output = options.output;
  forward.observer = [&](std::string_view name, MatrixView input) {
    LayerSums& layer = sums.try_emplace(std::string(name), input.cols, CalibrationNeeds{}).first->second;
    layer.add(input, windows.length, options.threads);
    if (!layer.finite()) fail("calibration: the input of {} is not finite", name);
  };
  forward_windows({model, weights, windows, forward}, options.progress, {});
  Calibration calibration;
  for (const auto& [name, layer] : sums) calibration.emplace(name, layer.statistics());
  return calibration;
}

}  // namespace quantbench
