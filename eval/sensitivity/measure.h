// Measuring the sensitivity of every matrix of a model.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/runner/experiment.h"
#include "eval/sensitivity/sensitivity.h"
#include "quantizers/method.h"

namespace quantbench {

struct SensitivityTask {
  const LoadedModel& model;
  /// Importance, moments and, on its first windows, divergences: not the text that results are reported on.
  const LoadedText& text;
  std::size_t divergence_windows = 0;
  Method method;                     // its solver and options; inputs of layers are those of the original model
  std::vector<std::string> formats;  // canonical ids
  std::string probe;                 // one of them
  bool probe_only = false;           // measure divergences of the probe alone
  int threads = 1;
};

struct SensitivityEvents {
  std::function<void(const Sensitivity&)> save;  // after each tensor that was worked on, with all that is known
  std::function<void(std::size_t done, std::size_t total, std::string_view tensor)> progress;
};

SensitivityOrigin origin_of(const SensitivityTask& task);

/// The linear layers, the embedding and the output projection. What `known` has is not measured again. A format that rows do
/// not fit is left out for that tensor. The figures do not depend on the number of threads. Throws Error for a method with
/// transforms, which change more than one tensor, and for a tensor that no format fits.
Sensitivity measure_sensitivity(const SensitivityTask& task, std::vector<TensorSensitivity> known,
                                const SensitivityEvents& events);

}  // namespace quantbench
