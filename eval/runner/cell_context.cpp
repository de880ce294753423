#include "eval/runner/cell_context.h"

#include <iterator>

#include "eval/evaluation_options.h"
#include "eval/transforms/block_scaling.h"
#include "kernels/cpu/decode.h"
#include "quantizers/formats/registry.h"
#include "quantizers/quantize.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {

CellContext::CellContext(const Experiment& experiment, const SharedResults& shared, const PlannedCell& planned,
                         int threads, std::function<void(double)> progress)
    : experiment_(experiment),
      shared_(shared),
      planned_(planned),
      threads_(threads),
      progress_(std::move(progress)),
      importance_(shared.importance ? &*shared.importance : nullptr) {
  BlockwiseResult made;
  if (planned.blockwise) made = quantize_blocks();
  for (const TensorTask& task : planned.allocation.tasks) {
    if (auto found = made.tensors.extract(task.original.name)) {
      tensors_.push_back(shared_tensor(std::move(found.mapped())));
    } else {
      const auto outside = made.outside.extract(task.original.name);
      if (!outside && keeps_original(task))
        tensors_.push_back(task.original);
      else
        tensors_.push_back(quantize_alone(task, outside ? outside.mapped().view() : task.original));
    }
  }
  changes_ = std::move(made.changes);
  transformed_ = std::move(made.tensors);
  transformed_.merge(made.outside);
}

BlockwiseResult CellContext::quantize_blocks() const {
  const BlockwiseTask task = blockwise_task(experiment_, planned_.allocation);
  BlockwiseOptions options;
  options.transform = block_transform(task.methods);
  options.transform_outside = outside_transform(task.methods);
  options.flow = shared_.flow;
  options.threads = threads_;
  options.store = shared_.statistics.get();
  if (progress_)
    options.progress = [this](std::size_t done, std::size_t total, std::string_view) {
      progress_(quantizing_share() * static_cast<double>(done) / static_cast<double>(total));
    };
  return quantize_blockwise(task, options);
}

Tensor CellContext::quantize_alone(const TensorTask& task, const Tensor& tensor) {
  std::vector<float> weights(tensor.weights());  // (rows, cols)
  decode_rows(tensor, 0, tensor.rows, weights, threads_);
  release(tensor);
  LayerCalibration calibration = calibration_of(tensor.name);
  std::vector<float> mean_square;
  if (wants_importance(task.allocated.method) && !rotates(planned_.method)) {
    mean_square = importance_.of(tensor.name, {1, tensor.cols}, task.allocated.format->id);
    calibration.mean_square = mean_square;
  }
  return shared_tensor(
      quantize_tensor(task.allocated.method, tensor.name, {weights, tensor.rows, tensor.cols}, calibration, threads_));
}

std::optional<TensorData> CellContext::without_transforms(const Tensor& tensor) const {
  const auto found = changes_.find(tensor.name);
  if (found == changes_.end()) return std::nullopt;
  TensorData restored(tensor.name, tensor.rows, tensor.cols, find_format("f32"));
  const std::span<float> values(reinterpret_cast<float*>(restored.row(0).row), tensor.weights());
  decode_rows(tensor, 0, tensor.rows, values, threads_);
  found->second.undo({values, tensor.cols, threads_});
  return restored;
}

double CellContext::quantizing_share() const {
  return planned_.seconds.total() > 0 ? planned_.seconds.quantizing / planned_.seconds.total() : 0;
}

std::string CellContext::importance() const {
  if (!wants_importance(planned_.method)) return "";
  if (planned_.blockwise) return experiment_.calibration ? experiment_.calibration->name : "";
  return shared_.importance ? experiment_.importance_name() : "";
}

std::vector<std::string> CellContext::notes() const {
  std::vector<std::string> notes = importance_.notes();
  if (std::string substitutes = planned_.allocation.substitutes(); !substitutes.empty())
    notes.push_back(std::move(substitutes));
  if (std::string others = planned_.allocation.other_solvers(); !others.empty()) notes.push_back(std::move(others));
  const auto ends = experiment_.model->model->stream_ends();
  if (rotates(planned_.method) && ends && ends->tied_output)
    notes.emplace_back("rotated: the output projection is no longer tied to the embedding; both are in f32");
  std::ranges::move(describe_evaluation_options(planned_.method), std::back_inserter(notes));
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
    for (const auto& [name, tensor] : transformed_) weights.insert_or_assign(name, tensor.view());
    for (const Tensor& tensor : tensors_) weights.insert_or_assign(tensor.name, tensor);
    EvaluateOptions options{.threads = threads_, .base = shared_.base_logits ? &*shared_.base_logits : nullptr};
    apply_evaluation_options(planned_.method, covered_layers(planned_.allocation), options);
    const std::unique_ptr<WeightProducts> products = products_on(shared_.device.get(), options.compute);
    options.products = products.get();
    if (progress_)
      options.progress = [this, before = quantizing_share()](std::size_t done, std::size_t total) {
        progress_(before + (1 - before) * static_cast<double>(done) / static_cast<double>(total));
      };
    evaluation_ = evaluate(*model.model, weights, text.windows, text.protocol, options);
  }
  return *evaluation_;
}

TokenFigures CellContext::tokens() const {
  return evaluation_ ? TokenFigures{evaluation_->nll, evaluation_->divergence} : TokenFigures{};
}

}  // namespace quantbench
