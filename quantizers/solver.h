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
#include <vector>

#include "core/isa.h"
#include "core/registry.h"
#include "core/tensor.h"

namespace quantbench {

/// What calibration knows about the inputs of one linear layer. Empty spans: not collected.
struct LayerCalibration {
  std::span<const float> mean_square = {};     // mean x^2 per input column (cols)
  std::span<const float> mean_absolute = {};   // mean |x| per input column (cols)
  std::span<const float> max_absolute = {};    // max |x| per input column (cols)
  std::span<const float> second_moments = {};  // H = 2/n X'X (cols, cols), row-major, n tokens
  std::span<const float> cross_moments = {};   // D = 2/n (X~ - X)'X (cols, cols); X~: the inputs in the original model

  /// What a clip search found (rows, groups of a row): the grid of a group is fitted to its weights clamped to -limit..limit,
  /// while the weights to be rounded stay as they are. Empty: no limits. Only for solvers that say `takes_grid_limits`.
  std::span<const float> grid_limits = {};
};

/// Which of these a solver uses.
struct CalibrationNeeds {
  bool mean_square = false;
  bool mean_absolute = false;
  bool max_absolute = false;
  bool second_moments = false;
  bool cross_moments = false;
  bool operator==(const CalibrationNeeds&) const = default;
};

struct SolverInput {
  MatrixView weights;  // (rows, cols), finite
  LayerCalibration calibration;
  const std::map<std::string, std::string>& options;
  int threads = 1;
  Isa isa = best_isa();  // the bytes do not depend on it
  /// Where to put what the caller should know beyond the result, such as "damping was raised to 0.1"; null: nobody asks.
  std::vector<std::string>* remarks = nullptr;
};

class Solver {
 public:
  virtual ~Solver() = default;
  /// Throws Error when the solver cannot write this format or does not know an option. Called before any work starts.
  virtual void check(const Format& format, const std::map<std::string, std::string>& options) const = 0;
  /// What `quantize` looks at when it is given these options. A solver that can do without some of it says so there: whoever
  /// calls it gives all that is needed, or none for a tensor of unknown inputs.
  virtual CalibrationNeeds needs(const std::map<std::string, std::string>& /*options*/) const {
    return {.mean_square = true};
  }
  /// Whether `quantize` obeys LayerCalibration::grid_limits when it is given these options.
  virtual bool takes_grid_limits(const std::map<std::string, std::string>& /*options*/) const { return false; }
  /// Fills `out` (same shape as the weights). The bytes depend on the input only, never on the thread count.
  virtual void quantize(const SolverInput& input, TensorData& out) const = 0;
};

struct SolverEntry {
  static constexpr const char* kind = "solver";
  std::shared_ptr<const Solver> solver;
  std::string summary;  // one line for `quantbench list methods`
};

}  // namespace quantbench
