// One linear layer on its own, quantized by a method with transforms: what would be folded into the layer before it is applied to
// the inputs instead, and undone in the result. Of a rotation only that of the inputs: there is no stream to rotate outputs for.
#pragma once

#include <optional>
#include <vector>

#include "core/tensor.h"
#include "quantizers/method.h"
#include "quantizers/solver.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {

struct LoneLayer {
  MatrixView weights;            // (outputs, cols)
  MatrixView inputs;             // (tokens, cols)
  LayerCalibration calibration;  // of these inputs
};

struct QuantizedLayer {
  TensorData stored;                   // of the transformed layer (outputs, cols)
  std::vector<ScalingChoice> choices;  // of the transforms that scale inputs, in order
  std::vector<std::string> remarks{};  // of the solver
  std::optional<Rotation> rotation{};  // of the inputs, before all scaling

  /// Decoded and transformed back, for the inputs as they were. (outputs, cols)
  std::vector<float> weights(int threads) const;
};

/// What the method's transforms and its solver ask of the calibration.
CalibrationNeeds calibration_needs(const Method& method);

/// Throws Error. Does not depend on the thread count.
QuantizedLayer quantize_lone_layer(const Method& method, const LoneLayer& layer, int threads);

}  // namespace quantbench
