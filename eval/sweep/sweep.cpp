#include "eval/sweep/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "eval/runner/shards.h"

namespace quantbench {
namespace {

std::vector<SweepTask> unfinished_tasks(const Plan& plan, const std::filesystem::path& folder, std::size_t shards) {
  std::optional<ResultStore> store;
  if (std::filesystem::exists(folder / "plan.json")) store.emplace(folder);
  std::vector<SweepTask> tasks(shards);
  const std::vector<std::size_t> assigned = assign_shards(plan, shards);
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const PlannedCell& cell = plan.cells[i];
    if (store && store->find(cell.id, ResultStore::Check::record_alone).finished()) continue;
    SweepTask& task = tasks[assigned[i] - 1];
    ++task.cells;
    task.seconds += cell.seconds.total();
    task.peak_bytes = std::max(task.peak_bytes, cell.peak_bytes);
  }
  for (std::size_t i = 0; i < shards; ++i) tasks[i].number = i + 1;
  std::erase_if(tasks, [](const SweepTask& task) { return task.cells == 0; });
  return tasks;
}

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

CommandLine program_on_config(const Sweep& sweep, const char* command) {
  CommandLine line{sweep.request.program.string(), command};
  if (std::string_view(command) == "run") line.push_back(sweep.request.config.string());
  return line;
}

void add_overrides(const Sweep& sweep, CommandLine& line) {
  for (const std::string& text : sweep.request.overrides) line.insert(line.end(), {"--set", text});
}

CommandLine run_command(const Sweep& sweep, const CommandLine& more) {
  CommandLine line = program_on_config(sweep, "run");
  add_overrides(sweep, line);
  line.insert(line.end(), {"--out", sweep.request.folder.string(), "--plan", sweep.plan});
  line.insert(line.end(), more.begin(), more.end());
  return line;
}

}  // namespace

double Sweep::longest_seconds() const {
  double longest = 0;
  for (const SweepTask& task : tasks) longest = std::max(longest, task.seconds);
  return longest;
}

double Sweep::total_seconds() const {
  return std::accumulate(tasks.begin(), tasks.end(), 0.0,
                         [](double sum, const SweepTask& task) { return sum + task.seconds; });
}

std::size_t Sweep::waiting() const {
  return std::accumulate(tasks.begin(), tasks.end(), std::size_t{0},
                         [](std::size_t sum, const SweepTask& task) { return sum + task.cells; });
}

Sweep plan_sweep(const Config& config, const Plan& plan, SweepRequest request, std::size_t default_shards) {
  if (plan.cells.empty()) fail("{}: a sweep needs cells, and this config has none", request.config.string());
  request.config = std::filesystem::absolute(request.config);
  request.folder = std::filesystem::absolute(request.folder).lexically_normal();
  Sweep sweep{.request = std::move(request), .name = config.name, .plan = hash_of_plan(plan)};
  sweep.cells = plan.cells.size();
  sweep.shards = std::clamp<std::size_t>(sweep.request.tasks.value_or(default_shards), 1, sweep.cells);
  sweep.tasks = unfinished_tasks(plan, sweep.request.folder, sweep.shards);
  sweep.at_once = sweep.request.at_once.value_or(0);
  for (const SweepTask& task : sweep.tasks) sweep.peak_bytes = std::max(sweep.peak_bytes, task.peak_bytes);
  // A single task makes what it needs itself.
  const auto base = std::ranges::find(plan.cells, "f32", &PlannedCell::method_id);
  if (sweep.tasks.size() > 1)
    sweep.shared_seconds = plan.shared_seconds + (base == plan.cells.end() ? 0 : base->seconds.total());
  return sweep;
}

std::string describe_sweep(const Sweep& sweep) {
  std::string text = fmt::format("{:>6} {:>6} {:>9} {:>9}\n", "task", "cells", "seconds", "peak MiB");
  for (const SweepTask& task : sweep.tasks)
    text += fmt::format("{:>6} {:>6} {:>9.1f} {:>9.0f}\n", task.number, task.cells, task.seconds,
                        mebibytes(task.peak_bytes));
  text +=
      fmt::format("{} of {} cells in {} tasks, about {:.0f} s of work, the longest task {:.0f} s, {} threads each\n",
                  sweep.waiting(), sweep.cells, sweep.tasks.size(), sweep.total_seconds(), sweep.longest_seconds(),
                  sweep.request.threads);
  if (sweep.shared_seconds > 0)
    text += fmt::format("before them what they share: about {:.0f} s\n", sweep.shared_seconds);
  return text;
}

CommandLine shared_command(const Sweep& sweep) { return run_command(sweep, {"--shared-only"}); }

CommandLine task_command(const Sweep& sweep, const std::string& number) {
  return run_command(sweep, {"--shard", fmt::format("{}/{}", number, sweep.shards)});
}

CommandLine merge_command(const Sweep& sweep) {
  CommandLine line = program_on_config(sweep, "merge");
  const std::filesystem::path& folder = sweep.request.folder;
  line.insert(line.end(),
              {folder.string(), "--out", (folder / "report.json").string(), "--config", sweep.request.config.string()});
  add_overrides(sweep, line);
  return line;
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=@%+-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted + "'";
}

}  // namespace quantbench
