// How far the cells of a results store are.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/runner/claims.h"
#include "eval/sweep/record.h"

namespace quantbench {

enum class CellState { done, failed, running, waiting };
std::string to_string(CellState state);

struct CellStatus {
  std::string id, method;
  CellState state = CellState::waiting;
  std::string error = {};                 // of a failed cell, or why a stored one is not believed
  std::optional<ClaimState> holder = {};  // of a running one
};

struct SweepStatus {
  std::string name;               // of the run
  std::vector<CellStatus> cells;  // in the order of the plan
  std::vector<ClaimState> other;  // alive and no cell: shared results, a submit
  std::vector<ClaimState> dead;   // of processes that ended or are silent: the next that comes takes over
  /// Of the work that is left, at the rate of the finished cells, by as many processes as work now; nothing when none is
  /// finished, none works, or nothing is left.
  std::optional<double> seconds_left;
  std::optional<SweepRecord> record;  // of a submitted sweep
  std::string queue;                  // what its engine says; may be empty

  std::size_t count(CellState state) const;
};

/// Throws Error when `folder` is not a results store.
SweepStatus read_status(const std::filesystem::path& folder);

}  // namespace quantbench
