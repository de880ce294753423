// One cell while it is measured: the quantized weights, and what metrics look at, computed when first asked for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "eval/base_logits.h"
#include "eval/calibration.h"
#include "eval/evaluate.h"
#include "eval/evaluation_device.h"
#include "eval/importance.h"
#include "eval/runner/experiment.h"
#include "eval/runner/plan.h"
#include "eval/runner/store.h"

namespace quantbench {

/// What the cells of a run share beyond the experiment: computed once, before the first cell that needs it.
struct SharedResults {
  std::optional<Calibration> calibration;
  std::optional<ImportanceMatrix> importance;  // what encoders weight by
  CalibrationFlow flow;
  std::unique_ptr<const StatisticsStore> statistics;  // null: none are kept
  std::optional<BaseLogits> base_logits;              // of the unquantized model at the scored positions
  double noise_floor = 0;                             // meaningful with base_logits
  std::unique_ptr<ProductDevice> device;              // that evaluates; null: the CPU
  std::vector<float> base_nll;                        // of the f32 cell; empty until it is finished
  std::string base_failure;                           // why there is no base_nll
};

class CellContext {
 public:
  /// Quantizes every tensor of the cell's allocation. All references outlive the object. `progress` gets the part of the
  /// cell's work that is done, and may be empty. Throws Error.
  CellContext(const Experiment& experiment, const SharedResults& shared, const PlannedCell& planned, int threads,
              std::function<void(double)> progress);

  const Experiment& experiment() const { return experiment_; }
  const SharedResults& shared() const { return shared_; }
  int threads() const { return threads_; }
  /// What the others are paired with.
  bool is_base() const { return planned_.method_id == "f32"; }

  const ModelAllocation& allocation() const { return planned_.allocation; }
  /// In the order of the allocation's tasks. What a method stores as it is are the model's own tensors.
  const std::vector<Tensor>& quantized_tensors() const { return tensors_; }
  /// What a transform has changed, as the original model would use it; nothing where the tensor is used as it is.
  std::optional<TensorData> without_transforms(const Tensor& quantized) const;
  /// What encoders weighted by: the name of a file or a text; empty: every column counted the same.
  std::string importance() const;
  /// What the reader should know: substituted formats, tensors without importance.
  std::vector<std::string> notes() const;
  /// Empty without calibration.
  LayerCalibration calibration_of(std::string_view layer) const;
  /// The quantized model's predictions; the forward pass runs at the first call.
  const Evaluation& evaluation();
  /// Empty when no metric asked for predictions.
  TokenFigures tokens() const;

 private:
  BlockwiseResult quantize_blocks() const;
  /// `tensor`: the task's own, or what a transform made of it.
  Tensor quantize_alone(const TensorTask& task, const Tensor& tensor);
  /// Of the cell's work.
  double quantizing_share() const;

  const Experiment& experiment_;
  const SharedResults& shared_;
  const PlannedCell& planned_;
  int threads_;
  std::function<void(double)> progress_;
  ImportanceUse importance_;
  std::vector<Tensor> tensors_;
  std::map<std::string, TensorData, std::less<>> transformed_;  // what else differs from the model
  std::map<std::string, LayerChange, std::less<>> changes_;     // what transforms did to the weights of `tensors_`
  std::optional<Evaluation> evaluation_;
};

}  // namespace quantbench
