// Calibration: what the inputs of each linear layer look like over a text.
#pragma once

#include <map>
#include <string>

#include "datasets/windows.h"
#include "eval/layer_statistics.h"
#include "eval/window_batches.h"
#include "models/model.h"

namespace quantbench {

/// By the name of the layer's weight tensor.
using Calibration = std::map<std::string, LayerStatistics, std::less<>>;

struct CalibrationOptions {
  int threads = 1;
  bool output = false;        // of the output projection, too
  WindowProgress progress{};  // may be empty
};

/// The figures of single columns of every linear layer: runs the model over all positions of all windows. Throws Error
/// naming the layer when an input is not finite.
Calibration collect_calibration(const Model& model, const Weights& weights, const Windows& windows,
                                const CalibrationOptions& options);

}  // namespace quantbench
