// Runs the cells of a plan that are not in the store yet, and puts the report together.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "eval/report.h"
#include "eval/runner/cell_context.h"
#include "eval/runner/claims.h"
#include "eval/runner/plan.h"
#include "eval/runner/store.h"

namespace quantbench {

/// What a run tells while it works; every member may be empty.
struct RunEvents {
  std::function<void(const std::string& text)> notice;
  /// Once: how many cells are not finished yet, and the seconds predicted for them.
  std::function<void(std::size_t cells, double predicted_seconds)> start;
  /// A step has begun: a cell ("q4_0") or shared work ("base logits"), with its predicted seconds.
  std::function<void(const std::string& name, double predicted_seconds)> begin;
  std::function<void(double fraction)> progress;  // of the step
  std::function<void()> end;
};

struct RunOptions {
  std::filesystem::path folder;  // of the store and the report
  bool fresh = false;            // compute every cell again
  int threads = 1;
  Shard shard;
  bool shared_alone = false;  // finish only what cells share, the f32 cell included
  /// On `folder`, for the time of the run; null: the run makes its own.
  Claims* claims = nullptr;
  RunEvents events;
};

struct RunResult {
  Report report;             // the shard's cells in plan order, then the kernels
  std::size_t computed = 0;  // cells
  std::size_t reused = 0;
  std::size_t failed = 0;
};

/// A cell that fails is reported as failed and the others go on; it is tried again by the next run. Throws Error when
/// shared work fails or the store cannot be written.
RunResult run_plan(const Config& config, const Experiment& experiment, const Plan& plan, const RunOptions& options);

/// A report without cells: run, environment, model and dataset.
Report report_header(const Config& config, const Experiment& experiment, int threads);

/// What the store keeps of a plan: `merge` and `status` go by it. Throws Error as throughput_requests does.
StoredPlan stored_plan(const Config& config, const Experiment& experiment, const Plan& plan, int threads);

}  // namespace quantbench
