#include "eval/runner/shared_work.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/hash.h"
#include "eval/runner/calibration_cache.h"
#include "eval/runner/find_or_claim.h"
#include "eval/runner/metric.h"

namespace quantbench {
namespace {

using Json = nlohmann::json;

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

/// Where shared results lie, and how they are made by one process.
struct SharedWork {
  const Config& config;
  const Experiment& experiment;
  const ResultStore& store;
  Claims& claims;
  const RunOptions& options;
};

Calibration calibration(const SharedWork& work) {
  const Experiment& experiment = work.experiment;
  const std::string key = experiment.calibration_key();
  const std::string name = "calibration-" + sha256(key).substr(0, 16) + ".cbor";
  const std::filesystem::path path = work.store.shared_file(name);
  auto result =
      find_or_claim(work.claims, name, "calibration", work.options.events, [&] { return find_calibration(path, key); });
  if (result.found) return std::move(*result.found);
  begin(work.options.events, "calibration");
  const LoadedModel& model = *experiment.model;
  Calibration made =
      collect_calibration(*model.model, model.weights, experiment.calibration->windows,
                          {.threads = work.options.threads, .progress = progress_of(work.options.events)});
  {
    const auto saving = work.claims.while_saving();
    save_calibration(path, key, made);
  }
  end(work.options.events);
  return made;
}

std::string base_key(const SharedWork& work) {
  return work.experiment.text_key() + evaluation_device_key(work.config.device);
}

BaseLogits base_logits(const SharedWork& work, ProductDevice* device) {
  const Experiment& experiment = work.experiment;
  const std::string name = "base-" + sha256(base_key(work)).substr(0, 16) + ".logits";
  const BaseLogitsFile file{work.store.shared_file(name), base_key(work)};
  auto result = find_or_claim(work.claims, name, "base logits", work.options.events,
                              [&] { return find_base_logits(file.path, file.key); });
  if (result.found) return std::move(*result.found);
  begin(work.options.events, "base logits");
  const std::unique_ptr<WeightProducts> products = products_on(device, Compute::exact);
  const EvaluateOptions evaluate{
      .threads = work.options.threads, .products = products.get(), .progress = progress_of(work.options.events)};
  const LoadedText& text = *experiment.evaluation;
  BaseLogits made = collect_base_logits(*experiment.model->model, experiment.model->weights, text.windows,
                                        text.protocol, file, evaluate);
  end(work.options.events);
  return made;
}

/// {"key", "mean_divergence"}; nothing for a file that is damaged or belongs to something else.
std::optional<double> find_noise_floor(const std::filesystem::path& path, const std::string& key) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const Json document = Json::parse(read_text(path), nullptr, false);
  if (!document.is_object() || document.value("key", "") != key) return std::nullopt;
  const auto value = document.find("mean_divergence");
  return value != document.end() && value->is_number() ? std::optional(value->get<double>()) : std::nullopt;
}

double shared_noise_floor(const SharedWork& work, const BaseLogits& base) {
  const std::string key = base_key(work), name = "noise-" + sha256(key).substr(0, 16) + ".json";
  const std::filesystem::path path = work.store.shared_file(name);
  const auto result =
      find_or_claim(work.claims, name, "noise floor", work.options.events, [&] { return find_noise_floor(path, key); });
  if (result.found) return *result.found;
  begin(work.options.events, "noise floor");
  const LoadedModel& model = *work.experiment.model;
  const LoadedText& text = *work.experiment.evaluation;
  const double made = noise_floor(*model.model, model.weights, text.windows, text.protocol, base, work.options.threads);
  {
    const auto saving = work.claims.while_saving();
    write_text_atomically(path, Json{{"key", key}, {"mean_divergence", made}}.dump() + "\n");
  }
  end(work.options.events);
  return made;
}

}  // namespace

SharedResults make_shared_results(const Config& config, const Experiment& experiment, const ResultStore& store,
                                  Claims& claims, const RunOptions& options) {
  SharedResults shared;
  if (!experiment.model) return shared;
  const SharedWork work{config, experiment, store, claims, options};
  shared.device = open_evaluation_device(config.device);
  if (experiment.calibration) shared.calibration = calibration(work);
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
    shared.base_logits = base_logits(work, shared.device.get());
    shared.noise_floor = shared_noise_floor(work, *shared.base_logits);
  }
  return shared;
}

}  // namespace quantbench
