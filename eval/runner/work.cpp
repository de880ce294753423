#include "eval/runner/work.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "eval/evaluate.h"
#include "eval/model_quantizer.h"
#include "eval/runner/metric.h"
#include "eval/runner/plan.h"
#include "eval/transforms/block_scaling.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/clip.h"
#include "quantizers/transforms/rounding.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

double tokens_of(const std::optional<LoadedText>& text) {
  return text ? static_cast<double>(text->windows.count * text->windows.length) : 0;
}

bool any_metric(const Config& config, bool Metric::*asks) {
  return std::ranges::any_of(config.metrics,
                             [&](const std::string& name) { return Registry<Metric>::instance().at(name).*asks; });
}

double weights_of(const std::vector<Tensor>& tensors) {
  double weights = 0;
  for (const Tensor& tensor : tensors) weights += static_cast<double>(tensor.weights());
  return weights;
}

/// Of one forward pass over `windows` windows of the text.
void add_evaluation(const Experiment& experiment, double windows, bool compares, Work& work) {
  const LoadedModel& model = *experiment.model;
  const Windows& text = experiment.evaluation->windows;
  const double scored = windows * static_cast<double>(text.scored_per_window);
  const auto vocabulary = static_cast<double>(model.model->vocabulary_size());
  work.evaluating += 2 * weights_of(model.linear_layers) * windows * static_cast<double>(text.length);
  work.logits += scored * vocabulary * (compares ? 2 : 1);
  work.output += 2 * scored * vocabulary * static_cast<double>(model.model->width());
}

/// Counts what quantizing block by block does.
class Blockwise {
 public:
  Blockwise(const Config& config, const Experiment& experiment, const ModelAllocation& allocation, Work& work)
      : model_(*experiment.model),
        flow_(config.calibration_flow),
        tokens_(tokens_of(experiment.calibration)),
        task_(blockwise_task(experiment, allocation)),
        work_(work) {}

  void count() {
    for (std::size_t block = 0; block < model_.model->block_count(); ++block) {
      groups_ = model_.model->input_groups(block);
      needs_ = {};
      passes_ = 0;
      for (std::size_t group = 0; group < groups_.size(); ++group)
        if (const Method* method = method_of(groups_[group])) count_group(group, *method);
      add_stream_passes();
      work_.calibrating += passes_ * tokens_ * operations_of(0, groups_.size());
    }
  }

 private:
  const Method* method_of(const InputGroup& group) const {
    for (const std::string& layer : group.layers)
      if (const auto found = task_.methods.find(layer); found != task_.methods.end()) return &found->second;
    return nullptr;
  }

  double weights_of_layer(const std::string& layer) const {
    return static_cast<double>(model_.weights.at(layer).weights());
  }

  /// For a token, of the layers of groups first .. last - 1.
  double operations_of(std::size_t first, std::size_t last) const {
    double operations = 0;
    for (std::size_t group = first; group < std::min(last, groups_.size()); ++group)
      for (const std::string& layer : groups_[group].layers) operations += 2 * weights_of_layer(layer);
    return operations;
  }

  void count_group(std::size_t index, const Method& method) {
    const InputGroup& group = groups_[index];
    const auto cols = static_cast<double>(group.producer_rows.size());
    const CalibrationNeeds needs = tokens_ > 0 ? solver_needs(method) : CalibrationNeeds{};
    needs_ = joined(needs_, needs);
    if (needs.second_moments) work_.moments += tokens_ * cols * cols * (needs.cross_moments ? 3 : 1);
    for (const std::string& layer : group.layers) {
      if (!needs.second_moments || !task_.methods.contains(layer)) continue;
      work_.feedback += weights_of_layer(layer) * cols;
      work_.factoring += cols * cols * cols;
    }
    for (const std::string& name : method.transforms)
      if (const auto& scaling = Registry<TransformEntry>::instance().at(name).scaling)
        count_scaling(*scaling, method, index);
    if (clip_of(method) != Clip::off) count_clipping(group);
  }

  void count_scaling(const InputScaling& scaling, const Method& method, std::size_t index) {
    const InputGroup& group = groups_[index];
    const bool after_norm = group.kind == ProducerKind::norm;
    if (!group.scalable || group.repeats > 1 || (scaling.only_after_norms() && !after_norm)) return;
    ++passes_;
    const auto trials = static_cast<double>(scaling.trials(method.options));
    // What reads a norm is compared at the output of its module, one group further.
    const double module = operations_of(index, index + (after_norm ? 2 : 1));
    work_.searching += (trials + 1) * module * std::min(tokens_, static_cast<double>(search_tokens));
    const std::string rounding = to_string(search_rounding(*find_format(method.target)));
    for (const std::string& layer : group.layers) work_.encoded[rounding] += trials * weights_of_layer(layer);
  }

  void count_clipping(const InputGroup& group) {
    ++passes_;
    for (const std::string& layer : group.layers)
      work_.clipping += weights_of_layer(layer) * std::min(tokens_, static_cast<double>(clip_tokens));
  }

  /// Of the block, to collect figures and to leave it, beside those of searches.
  void add_stream_passes() {
    const StreamNeeds streams(needs_, flow_, passes_ > 0);
    if (streams.original) ++passes_;
    if (needs_ == CalibrationNeeds{}) return;
    passes_ += flow_.true_sequential ? static_cast<double>(groups_.size()) + 1 : flow_.sequential ? 2 : 1;
  }

  const LoadedModel& model_;
  const CalibrationFlow& flow_;
  double tokens_;
  BlockwiseTask task_;
  Work& work_;
  // Of the block.
  std::vector<InputGroup> groups_;
  CalibrationNeeds needs_;
  double passes_ = 0;  // of the calibration text
};

}  // namespace

Work work_of_cell(const Config& config, const Experiment& experiment, const Method& method,
                  const ModelAllocation& allocation) {
  Work work;
  for (const TensorTask& task : allocation.tasks) {
    const auto weights = static_cast<double>(task.original.weights());
    if (!keeps_original(task)) work.encoded[to_string(without_transforms(task.allocated.method))] += weights;
    if (config.measures("rmse")) work.compared += weights;
  }
  if (needs_blockwise(method)) Blockwise(config, experiment, allocation, work).count();
  if (experiment.evaluation && any_metric(config, &Metric::needs_text))
    add_evaluation(experiment, static_cast<double>(experiment.evaluation->windows.count),
                   any_metric(config, &Metric::needs_base_logits), work);
  return work;
}

Work shared_work(const Config& config, const Experiment& experiment) {
  Work work;
  if (!experiment.model) return work;
  if (experiment.calibration)
    work.calibrating += 2 * weights_of(experiment.model->linear_layers) * tokens_of(experiment.calibration);
  if (experiment.evaluation && any_metric(config, &Metric::needs_base_logits)) {
    const std::size_t windows = experiment.evaluation->windows.count;
    add_evaluation(experiment, static_cast<double>(windows), false, work);
    add_evaluation(experiment, static_cast<double>(std::min(windows, noise_floor_windows)), true, work);
  }
  return work;
}

}  // namespace quantbench
