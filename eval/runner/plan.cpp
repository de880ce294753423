#include "eval/runner/plan.h"

#include <algorithm>
#include <charconv>

#include "core/hash.h"
#include "eval/environment.h"
#include "eval/runner/metric.h"

namespace quantbench {
namespace {

// Encoding and measuring the error of one weight, in units of the forward pass: measured on rtn into integer formats.
constexpr double operations_per_quantized_weight = 200;

std::string cell_key(const Config& config, const Experiment& experiment, const Method& method) {
  std::string key =
      fmt::format("quantbench {}\nmethod={}\nseed={}\n", quantbench_version(), to_string(method), config.seed);
  key += experiment.model ? fmt::format("model={}\n", experiment.model->sha256) : "";
  key += experiment.text_key() + experiment.calibration_key();
  if (experiment.importance) key += fmt::format("imatrix={}\n", experiment.importance->sha256);
  key += to_string(config.rules_of(method));
  for (const std::string& name : config.metrics) {
    const Metric& metric = Registry<Metric>::instance().at(name);
    if (metric.measure) key += fmt::format("metric={}:{}\n", name, metric.version);
  }
  return key;
}

double forward_operations(const Experiment& experiment) {
  if (!experiment.model || !experiment.evaluation) return 0;
  const Windows& windows = experiment.evaluation->windows;
  double weights = 0;
  for (const Tensor& layer : experiment.model->linear_layers) weights += static_cast<double>(layer.weights());
  const double embedding = static_cast<double>(experiment.model->parameters) - weights;
  return 2 * (weights * static_cast<double>(windows.count * windows.length) +
              embedding * static_cast<double>(windows.scored_tokens()));
}

ModelAllocation allocate(const Config& config, const Experiment& experiment, const Method& method) {
  AllocationOptions options;
  options.rules = config.rules_of(method);
  options.fallback = config.fallback;
  options.importance = wants_importance(method) && !experiment.importance_name().empty();
  try {
    return allocate_model(*experiment.model, method, std::move(options));
  } catch (const Error& error) {
    fail("method {}: {}", to_string(method), error.what());
  }
}

double quantizing_operations(const ModelAllocation& allocation) {
  double weights = 0;
  for (const TensorTask& task : allocation.tasks) weights += static_cast<double>(task.original.weights());
  return weights * operations_per_quantized_weight;
}

}  // namespace

Plan make_plan(const Config& config, const Experiment& experiment) {
  Plan plan;
  if (!experiment.model) return plan;
  const bool reads_text = std::ranges::any_of(
      config.metrics, [](const std::string& name) { return Registry<Metric>::instance().at(name).needs_text; });
  for (const Method& method : config.methods) {
    PlannedCell cell;
    cell.method = method;
    cell.method_id = to_string(method);
    cell.id = sha256(cell_key(config, experiment, method));
    cell.allocation = allocate(config, experiment, method);
    cell.size_bytes = cell.allocation.size_bytes();
    cell.bits_per_weight = cell.allocation.bits_per_weight();
    cell.work = quantizing_operations(cell.allocation) + (reads_text ? forward_operations(experiment) : 0);
    if (const std::string substitutes = cell.allocation.substitutes(); cell.allocation.warns && !substitutes.empty())
      plan.notes.push_back(fmt::format("{}: {}", cell.method_id, substitutes));
    plan.cells.push_back(std::move(cell));
  }
  return plan;
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

void predict_seconds(Plan& plan, const std::vector<FinishedWork>& finished, int threads) {
  double seconds_per_operation = 1 / (assumed_flops_per_second * threads);
  std::vector<double> measured;
  for (const FinishedWork& cell : finished)
    if (cell.work > 0) measured.push_back(cell.seconds / cell.work);
  if (!measured.empty()) {
    const auto middle = measured.begin() + static_cast<std::ptrdiff_t>(measured.size() / 2);
    std::ranges::nth_element(measured, middle);
    seconds_per_operation = *middle;
  }
  for (PlannedCell& cell : plan.cells) cell.seconds = cell.work * seconds_per_operation;
}

std::string describe_plan(const Plan& plan, const Shard& shard) {
  std::string text = fmt::format("{:<32} {:>8} {:>14} {:>9}  {}\n", "method", "bits/w", "bytes", "seconds", "cell");
  std::size_t cells = 0;
  double seconds = 0;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (!shard.contains(i)) continue;
    const PlannedCell& cell = plan.cells[i];
    text += fmt::format("{:<32} {:>8.4f} {:>14} {:>9.1f}  {}\n", cell.method_id, cell.bits_per_weight, cell.size_bytes,
                        cell.seconds, cell.id.substr(0, 12));
    ++cells;
    seconds += cell.seconds;
  }
  return text + fmt::format("{} cells, about {:.0f} s\n", cells, seconds);
}

}  // namespace quantbench
