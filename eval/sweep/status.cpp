#include "eval/sweep/status.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "eval/runner/store.h"
#include "eval/sweep/engine.h"

namespace quantbench {
namespace {

struct Pace {
  double work_done = 0, seconds = 0;  // of finished cells
  double work_left = 0;
  std::set<std::string> processes;  // that work on cells
};

void look_up(const ResultStore& store, const StoredPlan::Cell& planned, CellStatus& cell, Pace& pace) {
  const StoredCell stored = store.find(cell.id, ResultStore::Check::record_alone);
  cell.error = stored.problem;
  if (!stored.report || stored.report->cells.empty()) return;
  const CellReport& report = stored.report->cells[0];
  if (report.status != "ok") {
    cell.state = CellState::failed;
    cell.error = report.error;
    return;
  }
  cell.state = CellState::done;
  pace.work_done += planned.assumed_seconds;
  pace.seconds += report.seconds;
}

/// A cell that is computed again because it failed is running.
void apply_claim(const ClaimState& claim, CellStatus& cell, Pace& pace) {
  if (cell.state == CellState::done) return;
  cell.state = CellState::running;
  cell.holder = claim;
  pace.processes.insert(claim.holder.identity);
}

std::optional<double> seconds_left(const Pace& pace) {
  if (pace.work_left <= 0 || pace.work_done <= 0 || pace.processes.empty()) return std::nullopt;
  return pace.work_left * pace.seconds / pace.work_done / static_cast<double>(pace.processes.size());
}

std::vector<StoredPlan::Cell> cells_of(StoredPlan plan) {
  if (!plan.cells.empty()) return std::move(plan.cells);
  std::vector<StoredPlan::Cell> cells;  // of an older version: no more than the ids
  for (const std::string& id : plan.ids) cells.push_back({id, id.substr(0, 12), 0});
  return cells;
}

std::map<std::string, ClaimState> claims_in(const std::filesystem::path& folder) {
  std::map<std::string, ClaimState> claims;
  if (!std::filesystem::exists(folder / "claims")) return claims;
  for (ClaimState& claim : read_claims(folder, file_system_time(folder / "claims"))) {
    std::string name = claim.name;
    claims.emplace(std::move(name), std::move(claim));
  }
  return claims;
}

}  // namespace

std::string to_string(CellState state) {
  switch (state) {
    case CellState::done:
      return "done";
    case CellState::failed:
      return "failed";
    case CellState::running:
      return "running";
    case CellState::waiting:
      return "waiting";
  }
  fail("no such state");
}

std::size_t SweepStatus::count(CellState state) const {
  return static_cast<std::size_t>(std::ranges::count(cells, state, &CellStatus::state));
}

SweepStatus read_status(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "plan.json"))
    fail("{} is not a results store: it has no plan.json", folder.string());
  const ResultStore store(folder);
  StoredPlan plan = store.read_plan();
  SweepStatus status;
  if (plan.header) status.name = plan.header->run_name;
  Pace pace;
  std::map<std::string, ClaimState> claims = claims_in(folder);
  for (const StoredPlan::Cell& planned : cells_of(std::move(plan))) {
    CellStatus& cell = status.cells.emplace_back(CellStatus{.id = planned.id, .method = planned.method});
    look_up(store, planned, cell, pace);
    const auto claim = claims.find(cell.id);
    if (claim != claims.end() && claim->second.holder.state == HolderState::alive) {
      apply_claim(claim->second, cell, pace);
      claims.erase(claim);
    }
    if (cell.state != CellState::done) pace.work_left += planned.assumed_seconds;
  }
  for (auto& [name, claim] : claims)
    (claim.holder.state == HolderState::alive ? status.other : status.dead).push_back(std::move(claim));
  status.seconds_left = seconds_left(pace);
  status.record = read_record(folder);
  if (status.record && Registry<Engine>::instance().contains(status.record->engine))
    status.queue = Registry<Engine>::instance().at(status.record->engine).queued(*status.record);
  return status;
}

}  // namespace quantbench
