#include "eval/runner/cell_context.h"

#include "kernels/cpu/decode.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

TensorData quantize_layer(const CellContext& context, const Method& method, const Tensor& layer) {
  std::vector<float> weights(layer.weights());  // (rows, cols)
  decode_rows(layer, 0, layer.rows, weights, context.threads());
  return quantize_tensor(method, layer.name, {weights, layer.rows, layer.cols}, context.calibration_of(layer.name),
                         context.threads());
}

}  // namespace

CellContext::CellContext(const Experiment& experiment, const SharedResults& shared, const PlannedCell& planned,
                         int threads, WindowProgress progress)
    : experiment_(experiment), shared_(shared), planned_(planned), threads_(threads), progress_(std::move(progress)) {
  for (const Tensor& layer : experiment.model->linear_layers)
    layers_.push_back(quantize_layer(*this, planned.method, layer));
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
    for (const TensorData& layer : layers_) weights.insert_or_assign(layer.view().name, layer.view());
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
