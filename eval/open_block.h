// A transformer block before it is quantized, when its weights may still be changed by transforms.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "eval/calibration_stream.h"
#include "models/model.h"
#include "quantizers/transforms/rotation.h"

namespace quantbench {

/// How transforms have changed the weights of a layer, in this order. Empty: not.
struct LayerChange {
  std::vector<float> folded;  // the weights of a norm, multiplied into the columns
  std::shared_ptr<const Rotation> row_rotation, col_rotation;
  std::vector<float> rows, cols;  // scales: row i was divided by rows[i], column j multiplied by cols[j]

  /// Turns changed weights back to what they would be in the original model. A column that a norm weighs with zero stays zero.
  void undo(const MatrixEdit& weights) const;
};

class OpenBlock {
 public:
  /// All that is referred to outlives the object. `inputs` stands before block `index`; null where no transform asks for it.
  OpenBlock(const Model& model, std::size_t index, Weights& weights, const CalibrationStream* inputs, int threads)
      : model_(model), index_(index), weights_(weights), inputs_(inputs), threads_(threads) {}

  const Model& model() const { return model_; }
  std::size_t index() const { return index_; }
  int threads() const { return threads_; }
  /// The weights as changed so far.
  const Weights& weights() const { return weights_; }
  /// What enters the block in the original model, of all calibration windows.
  const CalibrationStream& inputs() const;

  /// The decoded weights (rows, cols) of a tensor of the block, to be changed in place: weights() sees the change. What the
  /// model computes must stay the same up to rounding.
  std::span<float> edit(const std::string& name);

  /// LayerCalibration::grid_limits for the solver of this layer.
  void set_grid_limits(const std::string& layer, std::vector<float> limits) {
    edits_.grid_limits.insert_or_assign(layer, std::move(limits));
  }

  /// What `edit` did to a linear layer: for whoever compares the result with the original weights.
  LayerChange& change_of(const std::string& layer) { return edits_.changes[layer]; }

  /// All that was done.
  struct Edits {
    std::map<std::string, TensorData, std::less<>> tensors;  // f32
    std::map<std::string, std::vector<float>, std::less<>> grid_limits;
    std::map<std::string, LayerChange, std::less<>> changes;
  };
  Edits take_edits() { return std::move(edits_); }

 private:
  const Model& model_;
  std::size_t index_;
  Weights& weights_;
  const CalibrationStream* inputs_;
  int threads_;
  Edits edits_;
};

}  // namespace quantbench
