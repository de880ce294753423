// What a cell has to do, counted in operations that take the same time in any model. Seconds are predicted from the counts and the
// speed of the machine (eval/runner/machine_speed.h); docs/scaling.md has the formulas and how well they hold.
#pragma once

#include <map>
#include <string>

#include "eval/config/config.h"
#include "eval/runner/allocate.h"
#include "eval/runner/experiment.h"

namespace quantbench {

struct Work {
  // Floating point operations of forward passes through the linear layers of the blocks: 2 a weight and token.
  double evaluating = 0;   // of the text
  double calibrating = 0;  // of the calibration text
  double searching =
      0;               // of scales of input columns (awq): the modules of each block, for every exponent that is tried
  double logits = 0;   // scored tokens x vocabulary, where they are looked at: twice with KL divergence
  double output = 0;   // floating point operations of the output projection
  double moments = 0;  // calibration tokens x columns^2, of each group of layers with one input
  double factoring = 0;  // columns^3 of each layer whose solver looks at H
  double feedback = 0;   // rows x columns^2 likewise: rounding errors go to all later columns
  double clipping = 0;   // weights x tokens that a clip search looks at
  double compared = 0;   // weights whose error is measured
  /// Weights by the method that encodes them, without its transforms.
  std::map<std::string, double> encoded;
};

/// Of one cell.
Work work_of_cell(const Config& config, const Experiment& experiment, const Method& method,
                  const ModelAllocation& allocation);
/// Of what all cells share and the first one waits for: figures of single columns of the calibration text, logits of the
/// unquantized model, the noise floor.
Work shared_work(const Config& config, const Experiment& experiment);

}  // namespace quantbench
