#include "eval/runner/cell_context.h"

#include "kernels/cpu/decode.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

TensorData quantize(const CellContext& context, const TensorTask& task, ImportanceUse& importance) {
  const Tensor& tensor = task.original;
  std::vector<float> weights(tensor.weights());  // (rows, cols)
  decode_rows(tensor, 0, tensor.rows, weights, context.threads());
  LayerCalibration calibration = context.calibration_of(tensor.name);
  std::vector<float> mean_square;
  if (wants_importance(task.allocated.method)) {
    mean_square = importance.of(tensor.name, {1, tensor.cols}, task.allocated.format->id);
    calibration.mean_square = mean_square;
  }
  return quantize_tensor(task.allocated.method, tensor.name, {weights, tensor.rows, tensor.cols}, calibration,
                         context.threads());
}

}  // namespace

CellContext::CellContext(const Experiment& experiment, const SharedResults& shared, const PlannedCell& planned,
                         int threads, WindowProgress progress)
    : experiment_(experiment),
      shared_(shared),
      planned_(planned),
      threads_(threads),
      progress_(std::move(progress)),
      importance_(shared.importance ? &*shared.importance : nullptr) {
  for (const TensorTask& task : planned.allocation.tasks) tensors_.push_back(quantize(*this, task, importance_));
}

std::string CellContext::importance() const {
  return wants_importance(planned_.method) && shared_.importance ? experiment_.importance_name() : "";
}

std::vector<std::string> CellContext::notes() const {
  std::vector<std::string> notes = importance_.notes();
  if (std::string substitutes = planned_.allocation.substitutes(); !substitutes.empty())
    notes.push_back(std::move(substitutes));
  return notes;
}

LayerCalibration CellContext::calibration_of(std::string_view layer) const {
  if (!shared_.calibration) return {};
  const auto found = shared_.calibration->find(layer);
  return found == shared_.calibration->end() ? LayerCalibration{} : found->second.view();
}

const Evaluation& CellContext::evaluation() {
  if (!evaluation_) {
    const LoadedModel& model = *experiment_.model;
    const LoadedText& text = *experiment_.evaluation;
    Weights weights = model.weights;
    for (const TensorData& tensor : tensors_) weights.insert_or_assign(tensor.view().name, tensor.view());
    const EvaluateOptions options{
        .threads = threads_, .base = shared_.base_logits ? &*shared_.base_logits : nullptr, .progress = progress_};
    evaluation_ = evaluate(*model.model, weights, text.windows, text.protocol, options);
  }
  return *evaluation_;
}

std::span<const float> CellContext::nll() const {
  return evaluation_ ? std::span<const float>(evaluation_->nll) : std::span<const float>();
}

}  // namespace quantbench
