#include "eval/model_quantizer.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/error.h"
#include "kernels/cpu/decode.h"
#include "models/importance/importance_matrix.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/quantize_transformed.h"
#include "quantizers/transforms/transform.h"

namespace quantbench {
namespace {

using Groups = std::vector<InputGroup>;
/// By the place of the group in its block.
using GroupNeeds = std::map<std::size_t, CalibrationNeeds>;

CalibrationNeeds needs_of(const BlockwiseTask& task, const InputGroup& group) {
  CalibrationNeeds needs;
  if (task.windows.count == 0) return needs;
  for (const std::string& layer : group.layers)
    if (const auto found = task.methods.find(layer); found != task.methods.end())
      needs = joined(needs, solver_needs(found->second));
  return needs;
}

CalibrationNeeds needs_of(const BlockwiseTask& task) {
  CalibrationNeeds needs;
  if (task.windows.count == 0) return needs;
  for (const auto& [layer, method] : task.methods) needs = joined(needs, solver_needs(method));
  return needs;
}

/// Transforms that are not those of the methods may look at anything.
bool transforms_need_stream(const BlockwiseTask& task) {
  const auto only_weights = [](const auto& each) {
    return !each.second.transforms.empty() && !transforms_look_at_inputs(each.second);
  };
  return std::ranges::none_of(task.methods, only_weights);
}

/// The groups whose inputs are collected together, in order.
std::vector<GroupNeeds> passes_of(const BlockwiseTask& task, const Groups& groups, const CalibrationFlow& flow) {
  std::vector<GroupNeeds> passes(flow.true_sequential ? groups.size() : 1);
  for (std::size_t group = 0; group < groups.size(); ++group)
    passes[flow.true_sequential ? group : 0].emplace(group, needs_of(task, groups[group]));
  return passes;
}

BlockwiseInputs inputs_of(const BlockwiseTask& task, const Weights& weights, const BlockwiseOptions& options) {
  const bool may_store = !options.flow.sequential && !options.transform;
  return {.model = task.model,
          .weights = weights,
          .windows = task.windows,
          .threads = options.threads,
          .store = may_store ? options.store : nullptr};
}

/// Of methods that weight by importance: mean x^2 as from an importance matrix, without zeros.
std::vector<float> importance_for(const Method& method, const Tensor& weight, const LayerCalibration& known) {
  if (!wants_importance(method) || known.mean_square.empty()) return {};
  ImportanceMatrix matrix;
  matrix.entries[weight.name] = {{known.mean_square.begin(), known.mean_square.end()}, {1}};
  return importance_of(matrix, weight.name, {1, weight.cols}).mean_square;
}

OutsideChanges changed_outside(const BlockwiseTask& task, const BlockwiseOptions& options) {
  return options.transform_outside ? options.transform_outside(task.model, task.weights, options.threads)
                                   : OutsideChanges{};
}

Weights with(Weights weights, const OutsideChanges& outside) {
  for (const auto& [name, tensor] : outside.tensors) weights.insert_or_assign(name, tensor.view());
  return weights;
}

class BlockwiseQuantizer {
 public:
  BlockwiseQuantizer(const BlockwiseTask& task, const BlockwiseOptions& options)
      : task_(task),
        options_(options),
        stream_for_transform_(options.transform && transforms_need_stream(task)),
        outside_(changed_outside(task, options)),
        weights_(with(task.weights, outside_)),
        original_(weights_),
        start_(weights_),
        calibration_(inputs_of(task, start_, options),
                     StreamNeeds(needs_of(task), options.flow, stream_for_transform_)) {
    for (const auto& [name, tensor] : outside_.tensors) outside_bytes_ += tensor.view().bytes.size();
  }

  BlockwiseResult run() {
    for (std::size_t block = 0; block < task_.model.block_count(); ++block) quantize_block(block);
    if (layers_done_ != task_.methods.size())
      fail("{} of the {} layers to quantize are no linear layers of the model", task_.methods.size() - layers_done_,
           task_.methods.size());
    result_.peak.streams = calibration_.stream_bytes();
    result_.peak.statistics = calibration_.peak_statistics_bytes();
    result_.outside = std::move(outside_.tensors);
    result_.changes.merge(outside_.changes);
    return std::move(result_);
  }

 private:
  void quantize_block(std::size_t block) {
    const BlockState state{block, weights_, original_};
    if (options_.transform) transform(state);
    const Groups groups = task_.model.input_groups(block);
    for (const GroupNeeds& pass : passes_of(task_, groups, options_.flow)) {
      const BlockwiseCalibration::Statistics statistics = calibration_.collect(state, groups, pass);
      for (const auto& [group, needs] : pass) {
        const auto found = statistics.find(group);
        const LayerCalibration known = found == statistics.end() ? LayerCalibration{} : found->second.view();
        for (const std::string& layer : groups[group].layers) quantize_layer(layer, known);
      }
    }
    calibration_.leave(state);
    keep_edited();
    release_block(task_.weights, block);
  }

  void transform(const BlockState& state) {
    const CalibrationStream* stream = stream_for_transform_ ? &calibration_.original(state) : nullptr;
    OpenBlock open(task_.model, state.block, weights_, stream, options_.threads);
    options_.transform(open);
    edits_ = open.take_edits();
    edited_bytes_ = 0;
    for (const auto& [name, tensor] : edits_.tensors) {
      original_.insert_or_assign(name, tensor.view());
      edited_bytes_ += tensor.view().bytes.size();
    }
  }

  void quantize_layer(const std::string& layer, LayerCalibration known) {
    const auto method = task_.methods.find(layer);
    if (method == task_.methods.end()) return;
    report(layer);
    if (const auto limits = edits_.grid_limits.find(layer); limits != edits_.grid_limits.end())
      known.grid_limits = limits->second;
    const Tensor& weight = weights_.at(layer);
    std::vector<float> values(weight.weights());  // (rows, cols)
    decode_rows(weight, 0, weight.rows, values, options_.threads);
    const std::vector<float> importance = importance_for(method->second, weight, known);
    if (!importance.empty()) known.mean_square = importance;
    TensorData packed =
        quantize_transformed(method->second, layer, {values, weight.rows, weight.cols}, known, options_.threads);
    packed_bytes_ += packed.view().bytes.size();
    result_.peak.weights =
        std::max(result_.peak.weights, packed_bytes_ + edited_bytes_ + outside_bytes_ + std::span(values).size_bytes());
    const auto kept = result_.tensors.insert_or_assign(layer, std::move(packed)).first;
    weights_.insert_or_assign(layer, kept->second.view());
    ++layers_done_;
    report(layer);
  }

  void report(const std::string& layer) const {
    if (options_.progress) options_.progress(layers_done_, task_.methods.size(), layer);
  }

  /// What was edited and then quantized is not needed any more.
  void keep_edited() {
    for (auto& [name, tensor] : edits_.tensors) {
      original_.insert_or_assign(name, weights_.at(name));
      if (!task_.methods.contains(name)) result_.tensors.insert_or_assign(name, std::move(tensor));
    }
    result_.changes.merge(edits_.changes);
    edits_ = {};
  }

  const BlockwiseTask& task_;
  const BlockwiseOptions& options_;
  bool stream_for_transform_;
  OutsideChanges outside_;
  Weights weights_;   // quantized as far as the flow has come
  Weights original_;  // of the block: as transformed
  Weights start_;     // what the streams enter with
  BlockwiseCalibration calibration_;
  OpenBlock::Edits edits_;  // of the block
  std::size_t layers_done_ = 0;
  std::uint64_t packed_bytes_ = 0, edited_bytes_ = 0, outside_bytes_ = 0;
  BlockwiseResult result_;
};

std::uint64_t predicted_statistics(const GroupNeeds& pass, const Groups& groups) {
  std::uint64_t sums = 0, largest = 0;
  for (const auto& [group, needs] : pass) {
    if (needs == CalibrationNeeds{}) continue;
    const std::size_t cols = groups[group].producer_rows.size();
    sums += LayerSums::bytes_for(cols, needs);
    largest = std::max<std::uint64_t>(largest, LayerStatistics::bytes_for(cols, needs));
  }
  return sums + largest;
}

/// Of the f32 copies that a transform of a whole block makes.
std::uint64_t decoded_bytes(const BlockwiseTask& task, const Groups& groups) {
  std::set<std::string_view> tensors;
  for (const InputGroup& group : groups) {
    tensors.insert(group.producer);
    if (!group.producer_bias.empty() && group.scalable) tensors.insert(group.producer_bias);
    tensors.insert(group.layers.begin(), group.layers.end());
  }
  std::uint64_t bytes = 0;
  for (const std::string_view name : tensors) bytes += task.weights.find(name)->second.weights() * sizeof(float);
  return bytes;
}

/// Of the embedding and the output projection in f32, and the norm.
std::uint64_t outside_bytes(const BlockwiseTask& task) {
  const auto ends = task.model.stream_ends();
  const bool rotated = std::ranges::any_of(task.methods, [](const auto& each) { return rotates(each.second); });
  if (!rotated || !ends) return 0;
  const std::uint64_t weights = task.weights.at(ends->embedding).weights();
  return (2 * weights + task.weights.at(ends->norm).weights()) * sizeof(float);
}

}  // namespace

CalibrationNeeds solver_needs(const Method& method) { return needs_after_transforms(method); }

bool needs_blockwise(const Method& method) {
  const CalibrationNeeds needs = solver_needs(method);
  return !method.transforms.empty() || needs.second_moments || needs.cross_moments;
}

bool needs_calibration_text(const Method& method) {
  const CalibrationNeeds needs = solver_needs(method);
  if (needs.second_moments || needs.cross_moments) return true;
  return !method.transforms.empty() &&
         (transforms_look_at_inputs(method) || needs.mean_absolute || wants_importance(method));
}

BlockwiseResult quantize_blockwise(const BlockwiseTask& task, const BlockwiseOptions& options) {
  for (const auto& [layer, method] : task.methods)
    if (!method.transforms.empty() && !options.transform)
      fail("method '{}': its transforms are not applied to {}", to_string(method), layer);
  if (task.windows.count == 0)
    for (const auto& [layer, method] : task.methods)
      if (needs_calibration_text(method)) fail("method '{}' needs a calibration text", to_string(method));
  return BlockwiseQuantizer(task, options).run();
}

BlockwiseMemory predict_memory(const BlockwiseTask& task, const CalibrationFlow& flow, bool transforms) {
  BlockwiseMemory memory;
  const bool stream_for_transform = transforms && transforms_need_stream(task);
  memory.streams = StreamNeeds(needs_of(task), flow, stream_for_transform).count() *
                   CalibrationStream::bytes_for(task.model, task.windows);
  for (std::size_t block = 0; block < task.model.block_count(); ++block) {
    const Groups groups = task.model.input_groups(block);
    for (const GroupNeeds& pass : passes_of(task, groups, flow))
      memory.statistics = std::max(memory.statistics, predicted_statistics(pass, groups));
    if (transforms) memory.weights = std::max(memory.weights, decoded_bytes(task, groups));
  }
  std::uint64_t largest = 0;
  for (const auto& [layer, method] : task.methods) {
    const Tensor& weight = task.weights.at(layer);
    memory.weights += find_format(method.target)->tensor_bytes(weight.rows, weight.cols);
    largest = std::max<std::uint64_t>(largest, weight.weights() * sizeof(float));
  }
  memory.weights += largest + outside_bytes(task);
  return memory;
}

}  // namespace quantbench
