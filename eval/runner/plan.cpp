#include "eval/runner/plan.h"

#include <algorithm>
#include <charconv>

#include "core/hash.h"
#include "eval/environment.h"
#include "eval/evaluation_device.h"
#include "eval/evaluation_options.h"
#include "eval/runner/calibration_cache.h"
#include "eval/runner/memory.h"
#include "eval/runner/metric.h"
#include "eval/runner/shards.h"
#include "eval/transforms/rotation.h"

namespace quantbench {
namespace {

std::string flow_key(const CalibrationFlow& flow) {
  return fmt::format("flow={}\n", flow.true_sequential ? "true sequential"
                                  : flow.sequential    ? "sequential"
                                                       : "original");
}

std::string cell_key(const Config& config, const Experiment& experiment, const Method& method) {
  std::string key =
      fmt::format("quantbench {}\nmethod={}\nseed={}\n", quantbench_version(), to_string(method), config.seed);
  key += experiment.model ? fmt::format("model={}\n", experiment.model->sha256) : "";
  key += experiment.text_key() + experiment.calibration_key();
  if (experiment.importance) key += fmt::format("imatrix={}\n", experiment.importance->sha256);
  const std::string device = evaluation_device_key(config.device);
  key += to_string(config.rules_of(method)) + (device.empty() ? machine_key(method) : device);
  if (needs_blockwise(method)) key += flow_key(config.calibration_flow);
  for (const std::string& name : config.metrics) {
    const Metric& metric = Registry<Metric>::instance().at(name);
    if (metric.measure) key += fmt::format("metric={}:{}\n", name, metric.version);
  }
  return key;
}

bool quantizes_embedding(const Model& model, const ModelAllocation& allocation) {
  const auto ends = model.stream_ends();
  return ends && std::ranges::any_of(allocation.tasks,
                                     [&](const TensorTask& task) { return task.original.name == ends->embedding; });
}

ModelAllocation allocate(const Config& config, const Experiment& experiment, const Method& method) {
  AllocationOptions options;
  options.rules = config.rules_of(method);
  options.fallback = config.fallback;
  options.importance = needs_blockwise(method) ? experiment.calibration.has_value()
                                               : wants_importance(method) && !experiment.importance_name().empty();
  try {
    ModelAllocation allocation = allocate_model(*experiment.model, method, std::move(options));
    check_rotation(*experiment.model->model, method, quantizes_embedding(*experiment.model->model, allocation));
    return allocation;
  } catch (const Error& error) {
    fail("method {}: {}", to_string(method), error.what());
  }
}

const Windows& calibration_windows(const Experiment& experiment) {
  static const Windows none;
  return experiment.calibration ? experiment.calibration->windows : none;
}

std::uint64_t kept_statistics(const Model& model) {
  std::uint64_t bytes = 0;
  for (std::size_t block = 0; block < model.block_count(); ++block)
    for (const InputGroup& group : model.input_groups(block))
      bytes += MomentsCache::file_bytes(group.producer_rows.size());
  return bytes;
}

void plan_blockwise(const Config& config, const Experiment& experiment, PlannedCell& cell, Plan& plan) {
  const bool transforms = !cell.method.transforms.empty();
  cell.blockwise = predict_memory(blockwise_task(experiment, cell.allocation), config.calibration_flow, transforms);
  cell.keeps_statistics = !config.calibration_flow.sequential && !transforms;
  if (cell.keeps_statistics) plan.kept_statistics_bytes = kept_statistics(*experiment.model->model);
}

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

Plan make_plan(const Config& config, const Experiment& experiment) {
  Plan plan;
  if (!experiment.model) return plan;
  plan.shared_work = shared_work(config, experiment);
  plan.shared_seconds = predicted_seconds(plan.shared_work, {}).total();
  for (const Method& method : config.methods) {
    PlannedCell cell;
    cell.method = method;
    cell.method_id = to_string(method);
    cell.id = sha256(cell_key(config, experiment, method));
    cell.allocation = allocate(config, experiment, method);
    cell.size_bytes = cell.allocation.size_bytes();
    cell.bits_per_weight = cell.allocation.bits_per_weight();
    if (needs_blockwise(method)) plan_blockwise(config, experiment, cell, plan);
    cell.work = work_of_cell(config, experiment, method, cell.allocation);
    cell.seconds = predicted_seconds(cell.work, {});
    if (const std::string substitutes = cell.allocation.substitutes(); cell.allocation.warns && !substitutes.empty())
      plan.notes.push_back(fmt::format("{}: {}", cell.method_id, substitutes));
    cell.peak_bytes = predicted_peak_bytes({config, experiment, cell});
    plan.cells.push_back(std::move(cell));
  }
  return plan;
}

std::string hash_of_plan(const Plan& plan) {
  Sha256 hash;
  for (const PlannedCell& cell : plan.cells) hash.update(cell.id + "\n");
  return hash.hex().substr(0, 16);
}

BlockwiseTask blockwise_task(const Experiment& experiment, const ModelAllocation& allocation) {
  const LoadedModel& model = *experiment.model;
  BlockwiseTask task{*model.model, model.weights, calibration_windows(experiment), {}};
  for (const auto& [original, allocated] : allocation.tasks)
    if (std::ranges::find(model.linear_layers, original.name, &Tensor::name) != model.linear_layers.end())
      task.methods.emplace(original.name, allocated.method);
  return task;
}

Shard parse_shard(std::string_view text) {
  Shard shard;
  const char* end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, shard.number);
  if (number.ec == std::errc() && number.ptr != end && *number.ptr == '/') {
    const auto count = std::from_chars(number.ptr + 1, end, shard.count);
    if (count.ec == std::errc() && count.ptr == end && shard.number >= 1 && shard.number <= shard.count) return shard;
  }
  fail("shard '{}' must be I/N with 1 <= I <= N, for example 2/4", text);
}

std::string describe_plan(const Plan& plan, const Shard& shard) {
  std::string text =
      fmt::format("{:<32} {:>8} {:>14} {:>9} {:>9}  {}\n", "method", "bits/w", "bytes", "seconds", "peak MiB", "cell");
  std::size_t cells = 0;
  double seconds = 0;
  const std::vector<std::size_t> shards = assign_shards(plan, shard.count);
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (shards[i] != shard.number) continue;
    const PlannedCell& cell = plan.cells[i];
    text += fmt::format("{:<32} {:>8.4f} {:>14} {:>9.1f} {:>9.0f}  {}\n", cell.method_id, cell.bits_per_weight,
                        cell.size_bytes, cell.seconds.total(), mebibytes(cell.peak_bytes), cell.id.substr(0, 12));
    ++cells;
    seconds += cell.seconds.total();
  }
  text += fmt::format("shared by all: about {:.1f} s\n", plan.shared_seconds);
  text += fmt::format("{} cells, about {:.0f} s; peak MiB: resident memory, at most (docs/memory.md)\n", cells,
                      seconds + plan.shared_seconds);
  if (plan.kept_statistics_bytes > 0)
    text += fmt::format("statistics kept for other cells: up to {:.1f} MiB\n", mebibytes(plan.kept_statistics_bytes));
  return text;
}

}  // namespace quantbench
