// A transformer block before it is quantized, when its weights may still be changed by transforms.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "eval/calibration_stream.h"
#include "models/model.h"

namespace quantbench {

/// How transforms have scaled the weights of a layer: row i was divided by rows[i], column j multiplied by cols[j]. Empty: not.
struct LayerScales {
  std::vector<float> rows, cols;
};

class OpenBlock {
 public:
  /// All references outlive the object. `inputs` stands before block `index`.
  OpenBlock(const Model& model, std::size_t index, Weights& weights, const CalibrationStream& inputs, int threads)
      : model_(model), index_(index), weights_(weights), inputs_(inputs), threads_(threads) {}

  const Model& model() const { return model_; }
  std::size_t index() const { return index_; }
  int threads() const { return threads_; }
  /// The weights as changed so far.
  const Weights& weights() const { return weights_; }
  /// What enters the block in the original model, of all calibration windows.
  const CalibrationStream& inputs() const { return inputs_; }

  /// The decoded weights (rows, cols) of a tensor of the block, to be changed in place: weights() sees the change. What the
  /// model computes must stay the same up to rounding.
  std::span<float> edit(const std::string& name);

  /// LayerCalibration::grid_limits for the solver of this layer.
  void set_grid_limits(const std::string& layer, std::vector<float> limits) {
    edits_.grid_limits.insert_or_assign(layer, std::move(limits));
  }

  /// What `edit` did to a linear layer, as far as it was scaling: for whoever compares the result with the original weights.
  LayerScales& scales_of(const std::string& layer) { return edits_.scales[layer]; }

  /// All that was done.
  struct Edits {
    std::map<std::string, TensorData, std::less<>> tensors;  // f32
    std::map<std::string, std::vector<float>, std::less<>> grid_limits;
    std::map<std::string, LayerScales, std::less<>> scales;
  };
  Edits take_edits() { return std::move(edits_); }

 private:
  const Model& model_;
  std::size_t index_;
  Weights& weights_;
  const CalibrationStream& inputs_;
  int threads_;
  Edits edits_;
};

}  // namespace quantbench
