// Calibration: what the inputs of each linear layer look like over a text.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "datasets/windows.h"
#include "eval/window_batches.h"
#include "models/model.h"
#include "quantizers/solver.h"

namespace quantbench {

/// Over the tokens of the text, per input column of one linear layer (cols).
struct LayerStatistics {
  std::vector<float> mean_absolute;  // mean |x|
  std::vector<float> max_absolute;   // max |x|
  std::vector<float> mean_square;    // mean x^2
  std::size_t tokens = 0;

  /// Views into this object.
  LayerCalibration view() const;
};

/// By the name of the layer's weight tensor.
using Calibration = std::map<std::string, LayerStatistics, std::less<>>;

struct CalibrationOptions {
  int threads = 1;
  bool output = false;        // of the output projection, too
  WindowProgress progress{};  // may be empty
};

/// Runs the model over all positions of all windows. Each column is summed in f64 in token order, so the figures depend
/// neither on the thread count nor on how the windows are grouped into batches. Throws Error naming the layer when an
/// input is not finite.
Calibration collect_calibration(const Model& model, const Weights& weights, const Windows& windows,
                                const CalibrationOptions& options);

}  // namespace quantbench
