// Transform: an equivalent rewrite of a model after which its weights lose less when they are quantized.
//
// Kinds of transforms, by what they do to a linear layer y = x W':
//   input scaling    y = (x / s) (W s)' with one factor s for each input column. The factors of W are folded into the weights, and
//                    1 / s into whatever makes x: the weight of a norm or the rows of a linear layer. (awq, smoothquant)
//   rotation         y = (x Q)(W Q)' with Q orthogonal. Norms are folded into the layers after them, and what a layer after a norm
//                    reads is rotated for the whole model at once: the rows of the embedding, the outputs of the layers that
//                    add to the residual stream. Values are rotated within each head. (hadamard)
//   kept columns     some columns of W are put back after quantizing (salient): no rewrite, but a step with options of its own
//
// Add one by adding a file under quantizers/transforms/ with
//     const Register<TransformEntry> registered{"name", {...}};
// and its options to quantizers/method_catalog.cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/registry.h"
#include "core/tensor.h"
#include "quantizers/method.h"
#include "quantizers/solver.h"
#include "quantizers/transforms/rotation.h"

namespace quantbench {

/// The mean squared difference of a module's output when the layers of a group have these weights instead of their own, over
/// outputs and calibration tokens. weights: one matrix for each layer, in order.
using ModuleLoss = std::function<double(std::span<const MatrixView> weights)>;

/// Linear layers that share one input, and what is known about it.
struct ScalingInput {
  std::vector<MatrixView> layers;  // weights (outputs, cols)
  std::vector<Method> rounding;    // of each layer: what a search rounds with (`search_rounding`)
  LayerCalibration calibration;    // of the shared input
  ModuleLoss loss;
  const std::map<std::string, std::string>& options;  // of the method
  int threads = 1;
};

struct ScalingChoice {
  std::vector<float> scales;   // (cols), positive
  double alpha = 0;            // the exponent that made them
  std::vector<double> losses;  // of each exponent that was tried, in order
};

class InputScaling {
 public:
  virtual ~InputScaling() = default;
  virtual CalibrationNeeds needs() const = 0;
  /// Inputs made by linear layers stay as they are.
  virtual bool only_after_norms() const { return false; }
  /// How often `choose` asks for the loss: what predictions of its time count.
  virtual std::size_t trials(const std::map<std::string, std::string>& /*options*/) const { return 0; }
  /// Does not depend on the thread count.
  virtual ScalingChoice choose(const ScalingInput& input) const = 0;
};

/// What a rotation is of: the residual stream, or the values of each head of a block. Different places have different rotations.
struct RotationPlace {
  std::size_t size = 0;                // columns of the stream, or of a head
  std::optional<std::size_t> block{};  // empty: the stream
};

/// `options`: of the method.
using MakeRotation =
    std::function<Rotation(const RotationPlace& place, const std::map<std::string, std::string>& options)>;

struct TransformEntry {
  static constexpr const char* kind = "transform";
  std::string summary;  // one line for listings
  /// Throws Error when the method's options make no sense or the method's solver cannot follow with this format.
  std::function<void(const Method& method, const Format& format)> check;
  std::shared_ptr<const InputScaling> scaling{};  // null: of another kind
  MakeRotation rotation{};                        // empty: of another kind
};

/// A transform of the method rotates: importance and inputs of the original model are not those of the rotated one.
bool rotates(const Method& method);
/// The method's transforms look at inputs of layers, not at weights alone.
bool transforms_look_at_inputs(const Method& method);

}  // namespace quantbench
