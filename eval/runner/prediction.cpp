#include "eval/runner/prediction.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace quantbench {
namespace {

std::vector<FinishedCell> finished_cells(const Plan& plan, const std::filesystem::path& folder) {
  std::vector<FinishedCell> finished;
  if (!std::filesystem::exists(folder / "plan.json")) return finished;
  const ResultStore store(folder);
  for (std::size_t index = 0; index < plan.cells.size(); ++index)
    if (const StoredCell stored = store.find(plan.cells[index].id, ResultStore::Check::record_alone); stored.finished())
      finished.push_back({index, stored.finished()->seconds});
  return finished;
}

std::string kind_of(const Method& method) {
  const auto compute = method.options.find("compute");
  return fmt::format("{}:{}:{}", fmt::join(method.transforms, "+"), method.solver,
                     compute == method.options.end() ? "" : compute->second);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

void correct_seconds(Plan& plan, const std::vector<FinishedCell>& finished) {
  std::map<std::string, std::vector<double>> factors;  // by kind; "": of all
  for (const FinishedCell& cell : finished) {
    const double predicted = plan.cells[cell.index].seconds.total();
    if (predicted <= 0) continue;
    factors[kind_of(plan.cells[cell.index].method)].push_back(cell.seconds / predicted);
    factors[""].push_back(cell.seconds / predicted);
  }
  if (factors.empty()) return;
  for (PlannedCell& cell : plan.cells) {
    const auto own = factors.find(kind_of(cell.method));
    const double factor = median(own == factors.end() ? factors.at("") : own->second);
    cell.seconds.quantizing *= factor;
    cell.seconds.measuring *= factor;
  }
  plan.shared_seconds *= median(factors.at(""));
}

void predict_seconds(Plan& plan, const Experiment& experiment, const PredictionOptions& options) {
  const std::vector<FinishedCell> finished = finished_cells(plan, options.folder);
  Work all;
  for (const PlannedCell& cell : plan.cells) all.encoded.insert(cell.work.encoded.begin(), cell.work.encoded.end());
  plan.speed = {.operations_per_second = assumed_operations_per_second * options.threads};
  if (finished.size() < plan.cells.size()) {
    if (options.events.begin) options.events.begin("speed of this machine", 0);
    plan.speed = measure_speed(experiment, all, options.threads, options.events.progress);
    if (options.events.end) options.events.end();
  }
  for (PlannedCell& cell : plan.cells) cell.seconds = predicted_seconds(cell.work, plan.speed);
  plan.shared_seconds = predicted_seconds(plan.shared_work, plan.speed).total();
  correct_seconds(plan, finished);
}

}  // namespace quantbench
