#include "eval/runner/shared_work.h"

#include <algorithm>

#include "core/hash.h"
#include "eval/runner/calibration_cache.h"
#include "eval/runner/metric.h"

namespace quantbench {
namespace {

void begin(const RunEvents& events, const char* name) {
  if (events.begin) events.begin(name, 0);
}

void end(const RunEvents& events) {
  if (events.end) events.end();
}

WindowProgress progress_of(const RunEvents& events) {
  if (!events.progress) return {};
  return [&events](std::size_t done, std::size_t total) {
    events.progress(static_cast<double>(done) / static_cast<double>(total));
  };
}

bool needs_base_logits(const Config& config) {
  return std::ranges::any_of(
      config.metrics, [](const std::string& name) { return Registry<Metric>::instance().at(name).needs_base_logits; });
}

Calibration calibration(const Experiment& experiment, const ResultStore& store, const RunOptions& options) {
  const std::string key = experiment.calibration_key();
  const std::string name = "calibration-" + sha256(key).substr(0, 16) + ".cbor";
  const FileLock lock = FileLock::wait(store.lock_file(name));
  if (auto found = find_calibration(store.shared_file(name), key)) return std::move(*found);
  remove_unfinished(store.shared_file(name));
  begin(options.events, "calibration");
  const LoadedModel& model = *experiment.model;
  Calibration made = collect_calibration(*model.model, model.weights, experiment.calibration->windows,
                                         {.threads = options.threads, .progress = progress_of(options.events)});
  save_calibration(store.shared_file(name), key, made);
  end(options.events);
  return made;
}

BaseLogits base_logits(const Config& config, const Experiment& experiment, ProductDevice* device,
                       const ResultStore& store, const RunOptions& options) {
  const std::string key = experiment.text_key() + evaluation_device_key(config.device);
  const std::string name = "base-" + sha256(key).substr(0, 16) + ".logits";
  const BaseLogitsFile file{store.shared_file(name), key};
  const FileLock lock = FileLock::wait(store.lock_file(name));
  if (auto found = find_base_logits(file.path, key)) return std::move(*found);
  remove_unfinished(file.path);
  begin(options.events, "base logits");
  const std::unique_ptr<WeightProducts> products = products_on(device, Compute::exact);
  const EvaluateOptions evaluate{
      .threads = options.threads, .products = products.get(), .progress = progress_of(options.events)};
  const LoadedText& text = *experiment.evaluation;
  BaseLogits made = collect_base_logits(*experiment.model->model, experiment.model->weights, text.windows,
                                        text.protocol, file, evaluate);
  end(options.events);
  return made;
}

}  // namespace

SharedResults make_shared_results(const Config& config, const Experiment& experiment, const ResultStore& store,
                                  const RunOptions& options) {
  SharedResults shared;
  if (!experiment.model) return shared;
  const LoadedModel& model = *experiment.model;
  shared.device = open_evaluation_device(config.device);
  if (experiment.calibration) shared.calibration = calibration(experiment, store, options);
  shared.flow = config.calibration_flow;
  if (!shared.flow.sequential)
    shared.statistics = std::make_unique<const MomentsCache>(store, experiment.calibration_key());
  if (experiment.importance) {
    shared.importance = experiment.importance->matrix;
  } else if (shared.calibration) {
    shared.importance =
        importance_matrix(*shared.calibration, experiment.calibration->name, experiment.calibration->windows);
  }
  if (needs_base_logits(config)) {
    shared.base_logits = base_logits(config, experiment, shared.device.get(), store, options);
    begin(options.events, "noise floor");
    shared.noise_floor = noise_floor(*model.model, model.weights, experiment.evaluation->windows,
                                     experiment.evaluation->protocol, *shared.base_logits, options.threads);
    end(options.events);
  }
  return shared;
}

}  // namespace quantbench
