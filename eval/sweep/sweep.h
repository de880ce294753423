// A sweep: the cells of a plan that are not finished, dealt to tasks that processes or a cluster's jobs run.
//
// A task is `quantbench run CONFIG --shard I/N` into the shared store. What cells share (calibration, base logits, the f32
// cell) is one task that comes before all others, and joining the report one that comes after them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/runner/plan.h"
#include "eval/runner/store.h"

namespace quantbench {

struct SweepTask {
  std::size_t number = 1;  // of the shard
  std::size_t cells = 0;   // that are not finished
  double seconds = 0;      // predicted for them
  std::uint64_t peak_bytes = 0;
};

/// What the person asked for.
struct SweepRequest {
  std::filesystem::path program;  // quantbench
  std::filesystem::path config, folder;
  std::vector<std::string> overrides = {};
  std::optional<std::size_t> tasks = {}, at_once = {};
  int threads = 1;                               // of each task
  std::vector<std::string> engine_options = {};  // passed on
};

struct Sweep {
  SweepRequest request = {};  // with absolute paths
  std::string name = {};      // of the config
  std::string plan = {};      // hash_of_plan
  std::size_t cells = 0;
  std::size_t shards = 1;
  std::size_t at_once = 0;            // 0: as many as the engine will
  std::vector<SweepTask> tasks = {};  // those with unfinished cells
  double shared_seconds = 0;          // predicted for what cells share, as far as it is not there; 0: nothing to do
  std::uint64_t peak_bytes = 0;       // of the largest task

  double longest_seconds() const;
  double total_seconds() const;
  std::size_t waiting() const;  // cells
};

/// `plan`: with predicted seconds. `default_shards`: where the request says none.
Sweep plan_sweep(const Config& config, const Plan& plan, SweepRequest request, std::size_t default_shards);

/// The table that people see before anything starts.
std::string describe_sweep(const Sweep& sweep);

using CommandLine = std::vector<std::string>;
CommandLine shared_command(const Sweep& sweep);
/// `number`: of the shard; text, so that a script can fill it in.
CommandLine task_command(const Sweep& sweep, const std::string& number);
CommandLine merge_command(const Sweep& sweep);

/// As a POSIX shell reads it.
std::string shell_quoted(const std::string& word);

}  // namespace quantbench
