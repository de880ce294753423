// How the blocks of a model get their inputs while it is calibrated.
#pragma once

namespace quantbench {

struct CalibrationFlow {
  /// Inputs of a block come from the quantized blocks before it; false: from the original model.
  bool sequential = true;
  /// Within a block, too: the inputs of layers come from the quantized layers before them, so that the block runs once for
  /// each group of layers that share an input. Only with `sequential`.
  bool true_sequential = false;
  bool operator==(const CalibrationFlow&) const = default;
};

}  // namespace quantbench
