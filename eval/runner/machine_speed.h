// How fast this machine does what Work counts, measured in a second on the model itself, and what a cell will take by that.
//
//   seconds = (products + sum of other operations x their cost) / products per second + sum of weights x seconds of encoding one
//
// Products of the forward pass are timed on one block of the model, encoding on a small matrix for each method. What other
// operations cost in units of a product was fitted once, over models of several sizes (docs/scaling.md): their ratio depends
// less on the machine than their time.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "eval/runner/experiment.h"
#include "eval/runner/work.h"

namespace quantbench {

/// Of the forward pass on one AVX-512 core: what is assumed where nothing was measured.
inline constexpr double assumed_operations_per_second = 25e9;
/// Of encoding a weight, in operations, likewise: rtn into integer formats.
inline constexpr double assumed_encoding_operations = 200;

struct MachineSpeed {
  double operations_per_second = assumed_operations_per_second;  // of all threads together
  std::map<std::string, double> encoding_seconds = {};           // of a weight, by the methods of Work::encoded
};

struct CellSeconds {
  double quantizing = 0;  // before anything is measured
  double measuring = 0;
  double total() const { return quantizing + measuring; }
};

CellSeconds predicted_seconds(const Work& work, const MachineSpeed& speed);

/// Times a block of the experiment's model on its text, and every method that `work` encodes by. `progress` gets the share that
/// is done; may be empty. Throws Error.
MachineSpeed measure_speed(const Experiment& experiment, const Work& work, int threads,
                           const std::function<void(double share)>& progress = {});

}  // namespace quantbench
