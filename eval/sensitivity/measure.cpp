#include "eval/sensitivity/measure.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "eval/activations.h"
#include "eval/blockwise_calibration.h"
#include "eval/environment.h"
#include "eval/evaluate.h"
#include "eval/importance.h"
#include "eval/kv_cache.h"
#include "eval/metrics/perplexity.h"
#include "eval/metrics/weight_error.h"
#include "eval/model_quantizer.h"
#include "eval/sensitivity/candidates.h"
#include "eval/sensitivity/output_error.h"
#include "eval/temporary_file.h"
#include "kernels/cpu/decode.h"
#include "quantizers/allocation/tensor_role.h"
#include "quantizers/quantize.h"

namespace quantbench {
namespace {

std::vector<float> decoded(const Tensor& tensor, int threads) {
  std::vector<float> values(tensor.weights());  // (rows, cols)
  decode_rows(tensor, 0, tensor.rows, values, threads);
  return values;
}

Windows first_windows(const Windows& windows, std::size_t count) {
  Windows first = windows;
  first.count = count;
  first.tokens.resize(count * windows.length);
  return first;
}

std::vector<std::uint64_t> token_counts(const Windows& windows, std::size_t vocabulary) {
  std::vector<std::uint64_t> counts(vocabulary);
  for (const TokenId token : windows.tokens) ++counts.at(static_cast<std::size_t>(token));
  return counts;
}

class SensitivityMeter {
 public:
  SensitivityMeter(const SensitivityTask& task, std::vector<TensorSensitivity> known, const SensitivityEvents& events)
      : task_(task),
        events_(events),
        candidates_(candidates_of(task.model, task.method, task.formats)),
        windows_(first_windows(task.text.windows, task.divergence_windows)),
        logits_file_(temporary_path("sensitivity_base_logits")) {
    result_.origin = origin_of(task);
    result_.probe = task.probe;
    for (const TensorCandidates& candidate : candidates_) {
      const Tensor& tensor = candidate.original;
      const auto found = std::ranges::find(known, tensor.name, &TensorSensitivity::name);
      result_.tensors.push_back(found == known.end() ? TensorSensitivity{tensor.name, tensor.rows, tensor.cols, {}}
                                                     : std::move(*found));
      total_ += candidate.choices.size();
    }
  }

  Sensitivity run() {
    measure_base();
    collect_columns();
    measure_linear_layers();
    for (std::size_t index = task_.model.linear_layers.size(); index < candidates_.size(); ++index)
      measure_tensor(index, {});
    return std::move(result_);
  }

 private:
  bool wants_divergence(const std::string& format) const { return !task_.probe_only || format == task_.probe; }

  bool is_known(std::size_t index, const std::string& format) const {
    const FormatSensitivity* found = result_.tensors[index].find(format);
    return found != nullptr && (found->kld || !wants_divergence(format));
  }

  bool is_finished(std::size_t index) const {
    return std::ranges::all_of(candidates_[index].choices,
                               [&](const AllocatedTensor& choice) { return is_known(index, choice.format->id); });
  }

  void measure_base() {
    const LoadedModel& model = task_.model;
    base_.emplace(collect_base_logits(*model.model, model.weights, windows_, task_.text.protocol,
                                      {logits_file_.path(), "sensitivity"}, {.threads = task_.threads}));
    result_.noise_floor =
        noise_floor(*model.model, model.weights, windows_, task_.text.protocol, *base_, task_.threads);
  }

  /// The figures of single columns: of linear layers as the importance that encoders weight by, of the output projection for
  /// its error alone, because an ordinary importance matrix does not have it.
  void collect_columns() {
    const LoadedModel& model = task_.model;
    columns_ = collect_calibration(*model.model, model.weights, task_.text.windows,
                                   {.threads = task_.threads, .output = true});
    Calibration linear = columns_;
    std::erase_if(linear, [](const auto& entry) { return !is_linear(role_of(entry.first)); });
    importance_ = importance_matrix(linear, task_.text.name, task_.text.windows);
  }

  void measure_linear_layers() {
    const LoadedModel& model = task_.model;
    const CalibrationNeeds needs = joined(solver_needs(task_.method), {.mean_square = true, .second_moments = true});
    const CalibrationFlow flow{.sequential = false};
    BlockwiseCalibration calibration(
        {.model = *model.model, .weights = model.weights, .windows = task_.text.windows, .threads = task_.threads},
        StreamNeeds(needs, flow, false));
    for (std::size_t block = 0; block < model.model->block_count(); ++block) {
      const BlockState state{block, model.weights, model.weights};
      const std::vector<InputGroup> groups = model.model->input_groups(block);
      std::map<std::size_t, CalibrationNeeds> wanted;
      for (std::size_t group = 0; group < groups.size(); ++group)
        if (!std::ranges::all_of(groups[group].layers, [&](const auto& layer) { return is_finished(index_of(layer)); }))
          wanted.emplace(group, needs);
      const BlockwiseCalibration::Statistics statistics = calibration.collect(state, groups, wanted);
      for (std::size_t group = 0; group < groups.size(); ++group)
        for (const std::string& layer : groups[group].layers) {
          const auto found = statistics.find(group);
          measure_tensor(index_of(layer), found == statistics.end() ? LayerCalibration{} : found->second.view());
        }
      calibration.leave(state);
    }
  }

  std::size_t index_of(const std::string& layer) const {
    for (std::size_t index = 0; index < candidates_.size(); ++index)
      if (candidates_[index].original.name == layer) return index;
    fail("the linear layer {} is not among the matrices to quantize", layer);
  }

  /// `known`: of the inputs of a linear layer; else empty.
  void measure_tensor(std::size_t index, const LayerCalibration& known) {
    const Tensor& original = candidates_[index].original;
    if (is_finished(index)) {
      done_ += candidates_[index].choices.size();
      report(original.name);
      return;
    }
    const std::vector<float> values = decoded(original, task_.threads);
    const MatrixView weights{values, original.rows, original.cols};
    const double whole =
        known.second_moments.empty() ? 0 : second_moment_trace(weights, known.second_moments, task_.threads);
    for (const AllocatedTensor& choice : candidates_[index].choices) {
      if (!is_known(index, choice.format->id))
        keep(result_.tensors[index], measure_format(choice, {original, weights, known, whole}));
      ++done_;
      report(original.name);
    }
    if (events_.save) events_.save(result_);
  }

  static void keep(TensorSensitivity& tensor, FormatSensitivity measured) {
    std::erase_if(tensor.formats, [&](const FormatSensitivity& old) { return old.format == measured.format; });
    tensor.formats.push_back(std::move(measured));
  }

  struct Subject {
    const Tensor& original;
    MatrixView weights;  // decoded
    const LayerCalibration& known;
    double whole;  // tr(W H W'); 0 when H is not known
  };

  FormatSensitivity measure_format(const AllocatedTensor& choice, const Subject& subject) {
    const TensorData packed = quantize(choice, subject);
    const std::vector<float> values = decoded(packed.view(), task_.threads);
    const MatrixView quantized{values, subject.weights.rows, subject.weights.cols};
    FormatSensitivity result{.format = choice.format->id,
                             .bytes = packed.view().bytes.size(),
                             .diagonal_error = diagonal_error(subject, quantized),
                             .full_error = {},
                             .kld = {}};
    if (subject.whole > 0) {
      const std::vector<float> change = difference(subject.weights, quantized);
      const MatrixView changes{change, quantized.rows, quantized.cols};
      result.full_error = second_moment_trace(changes, subject.known.second_moments, task_.threads) / subject.whole;
    }
    if (wants_divergence(result.format)) result.kld = divergence_of(packed.view());
    return result;
  }

  TensorData quantize(const AllocatedTensor& choice, const Subject& subject) {
    LayerCalibration calibration = subject.known;
    const std::vector<float> importance =
        wants_importance(choice.method)
            ? ImportanceUse(&importance_).of(subject.original.name, {1, subject.original.cols}, choice.format->id)
            : std::vector<float>{};
    calibration.mean_square = importance;
    return quantize_tensor(choice.method, subject.original.name, subject.weights, calibration, task_.threads);
  }

  double diagonal_error(const Subject& subject, MatrixView quantized) const {
    const auto columns = columns_.find(subject.original.name);
    const bool looked_up = role_of(subject.original.name) == TensorRole::token_embd;
    double error = 0;
    if (looked_up)
      error += lookup_error(subject.weights, quantized, token_counts(task_.text.windows, subject.weights.rows));
    if (columns != columns_.end()) {
      const std::vector<float>& mean_square = columns->second.mean_square;
      const WeightErrorSums sums = weight_error(subject.weights, quantized, mean_square, task_.threads);
      error += sums.weighted_squared_original > 0 ? sums.weighted_squared_error / sums.weighted_squared_original : 0;
    }
    return error;
  }

  MeasuredDivergence divergence_of(const Tensor& packed) const {
    Weights weights = task_.model.weights;
    weights.insert_or_assign(packed.name, packed);
    const Evaluation evaluation = evaluate(*task_.model.model, weights, windows_, task_.text.protocol,
                                           {.threads = task_.threads, .base = &*base_});
    const std::vector<float> zeros(evaluation.divergence.size());
    const PairedDifference interval = paired_difference(zeros, evaluation.divergence);
    return {evaluation.kl_divergence->mean, interval.lower, interval.upper};
  }

  void report(const std::string& tensor) const {
    if (events_.progress) events_.progress(done_, total_, tensor);
  }

  const SensitivityTask& task_;
  const SensitivityEvents& events_;
  std::vector<TensorCandidates> candidates_;
  Windows windows_;  // where divergences are measured
  TemporaryFile logits_file_;
  std::optional<BaseLogits> base_;
  Calibration columns_;
  ImportanceMatrix importance_;
  Sensitivity result_;  // tensors in the order of candidates_
  std::size_t done_ = 0, total_ = 0;
};

}  // namespace

SensitivityOrigin origin_of(const SensitivityTask& task) {
  return {.version = quantbench_version(),
          .model = task.model.name,
          .model_sha256 = task.model.sha256,
          .text = task.text.name,
          .text_sha256 = task.text.sha256,
          .protocol = task.text.protocol.name,
          .windows = task.text.windows.count,
          .divergence_windows = task.divergence_windows,
          .method = to_string(task.method)};
}

Sensitivity measure_sensitivity(const SensitivityTask& task, std::vector<TensorSensitivity> known,
                                const SensitivityEvents& events) {
  if (!task.method.transforms.empty())
    fail("method '{}': transforms change several tensors at once; sensitivity is of one at a time",
         to_string(task.method));
  if (!activations_of(task.method).empty() || kv_cache_options(task.method).any())
    fail("method '{}': sensitivity is of weights; leave activations, kv_keys and kv_values out",
         to_string(task.method));
  return SensitivityMeter(task, std::move(known), events).run();
}

}  // namespace quantbench
