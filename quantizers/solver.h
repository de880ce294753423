// Solver: which scales, offsets and levels to store, given the weights and what calibration says about the inputs.
//
// Add one by adding a file under quantizers/solvers/ with the class and
//     const Register<SolverEntry> registered{"name", {std::make_shared<MySolver>()}};
// Nothing else is edited: method ids, configs, listings and the contract test find it in the registry.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "core/registry.h"
#include "core/tensor.h"

namespace quantbench {

/// What calibration knows about the inputs of one linear layer. Empty spans: not collected.
struct LayerCalibration {
  std::span<const float> mean_square;     // mean x^2 per input column (cols)
  std::span<const float> mean_absolute;   // mean |x| per input column (cols)
  std::span<const float> max_absolute;    // max |x| per input column (cols)
  std::span<const float> second_moments;  // H = 2/n X'X (cols, cols)
};

struct SolverInput {
  MatrixView weights;  // (rows, cols), finite
  LayerCalibration calibration;
  const std::map<std::string, std::string>& options;
  int threads = 1;
};

class Solver {
 public:
  virtual ~Solver() = default;
  /// Throws Error when the solver cannot write this format or does not know an option. Called before any work starts.
  virtual void check(const Format& format, const std::map<std::string, std::string>& options) const = 0;
  /// Fills `out` (same shape as the weights). The bytes depend on the input only, never on the thread count.
  virtual void quantize(const SolverInput& input, TensorData& out) const = 0;
};

struct SolverEntry {
  static constexpr const char* kind = "solver";
  std::shared_ptr<const Solver> solver;
  std::string summary;  // one line for `quantbench list methods`
};

}  // namespace quantbench
