// What runs the tasks of a sweep. Add one (another cluster's queue) by adding a file under eval/sweep/engines/ that registers an
// Engine.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "core/registry.h"
#include "eval/sweep/record.h"
#include "eval/sweep/sweep.h"

namespace quantbench {

/// For choosing how many tasks there are when nobody says.
struct SweepSize {
  std::size_t cells = 0;  // not finished
  double seconds = 0;     // predicted for all of them
  std::optional<std::size_t> at_once = {};
};

struct Engine {
  static constexpr const char* kind = "engine";
  std::string summary;
  /// How many tasks when the person does not say.
  std::function<std::size_t(const SweepSize&)> default_tasks;
  /// Threads of each task when neither the person nor the config says.
  std::function<int(const SweepSize&)> default_threads;
  /// What it will do, for --dry-run, beyond describe_sweep; changes nothing.
  std::function<std::string(const Sweep&)> describe;
  /// Runs or submits the sweep, whose folder holds its record already, and returns the exit code of `submit`. May complete the
  /// record. Throws Error when it cannot be started.
  std::function<int(const Sweep&, SweepRecord&)> run;
  /// What of an earlier submit waits or runs in a queue, for people; empty: nothing, or the engine has no queue.
  std::function<std::string(const SweepRecord&)> queued;
};

}  // namespace quantbench
