// Slurm: one job for what cells share, an array with a task for each shard, and a job that joins the report.
//
// The dependencies are `afterany`: the array also starts when the first job failed (its tasks make what is missing
// themselves, one of them by claim), and the report is joined when tasks failed, since a failed cell is to be reported. Where
// cells are missing the joining job fails, names them, and writes nothing; submitting again runs only those.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "eval/sweep/engine.h"
#include "eval/sweep/process.h"

namespace quantbench {
namespace {

constexpr std::size_t fewest_tasks = 8;
constexpr double seconds_of_a_task = 3600;
constexpr int threads_of_a_task = 4;
constexpr std::size_t most_tasks = 1000;  // Slurm's MaxArraySize is 1001 unless a cluster says otherwise

// Head room of what jobs ask for: predictions of seconds are good to a factor of 1.5 on the machine they were made for, and
// nodes differ; those of memory are upper bounds (docs/memory.md).
constexpr double time_factor = 3;
constexpr double time_extra_seconds = 600;
constexpr double memory_factor = 1.25;
constexpr std::uint64_t memory_extra_mebibytes = 512;

struct Job {
  std::string file;  // of the script and of the log, without extension
  std::string what;
  double seconds = 0;
  std::uint64_t peak_bytes = 0;
  int threads = 1;
  std::string log;
  std::string command;  // as the shell reads it
};

long minutes_of(const Job& job) {
  return std::lround(std::ceil((time_factor * job.seconds + time_extra_seconds) / 60));
}

std::uint64_t mebibytes_of(const Job& job) {
  return static_cast<std::uint64_t>(memory_factor * static_cast<double>(job.peak_bytes >> 20)) + memory_extra_mebibytes;
}

std::string joined(const CommandLine& command) {
  std::vector<std::string> words;
  for (const std::string& word : command) words.push_back(shell_quoted(word));
  return fmt::format("{}", fmt::join(words, " "));
}

/// Slurm reads %-patterns in names of logs, and an option ends at a space unless it is quoted.
std::string log_pattern(const Sweep& sweep, const std::string& name) {
  std::string path = submit_folder(sweep.request.folder).string();
  for (std::size_t at = 0; (at = path.find('%', at)) != std::string::npos; at += 2) path.insert(at, 1, '%');
  return fmt::format("\"{}/{}.log\"", path, name);
}

/// `exec`: Slurm's signals then reach the program and not a shell that waits for it.
std::string script_of(const Sweep& sweep, const Job& job) {
  return fmt::format(
      "#!/bin/bash\n"
      "# Written by `quantbench submit`: {}.\n"
      "#SBATCH --job-name={}\n"
      "#SBATCH --output={}\n"
      "#SBATCH --open-mode=append\n"
      "#SBATCH --requeue\n"
      "#SBATCH --nodes=1 --ntasks=1 --cpus-per-task={}\n"
      "#SBATCH --mem={}M\n"
      "#SBATCH --time={}\n"
      "exec {}\n",
      job.what, sweep.name, log_pattern(sweep, job.log), job.threads, mebibytes_of(job), minutes_of(job), job.command);
}

Job shared_job(const Sweep& sweep) {
  const int threads = sweep.request.threads;
  return {"shared",
          "what all cells share",
          sweep.shared_seconds,
          sweep.peak_bytes,
          threads,
          "shared",
          joined(shared_command(sweep)) + fmt::format(" --threads {} --job \"slurm $SLURM_JOB_ID\"", threads)};
}

Job task_job(const Sweep& sweep) {
  // What cells share is made by the first task when there is no job for it.
  const double seconds = sweep.longest_seconds() + (sweep.tasks.size() == 1 ? sweep.shared_seconds : 0);
  const std::string number = "$SLURM_ARRAY_TASK_ID";
  std::string command = joined(task_command(sweep, "SHARD"));
  command.replace(command.find("SHARD/"), 5, "\"" + number + "\"");
  command += fmt::format(" --threads \"${{SLURM_CPUS_PER_TASK:-{}}}\"", sweep.request.threads);
  command += " --job \"slurm ${SLURM_ARRAY_JOB_ID}_" + number + "\"";
  return {"task", fmt::format("task of {}", sweep.shards), seconds, sweep.peak_bytes, sweep.request.threads, "task-%a",
          command};
}

Job merge_job(const Sweep& sweep) {
  return {"merge", "joins the report", 0, 0, 1, "merge", joined(merge_command(sweep))};
}

/// "1-3,7%2": the shards with work, and how many at a time.
std::string array_of(const Sweep& sweep) {
  std::string text;
  for (std::size_t i = 0; i < sweep.tasks.size();) {
    std::size_t last = i;
    while (last + 1 < sweep.tasks.size() && sweep.tasks[last + 1].number == sweep.tasks[last].number + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", sweep.tasks[i].number);
    if (last > i) text += fmt::format("-{}", sweep.tasks[last].number);
    i = last + 1;
  }
  return sweep.at_once > 0 ? fmt::format("{}%{}", text, sweep.at_once) : text;
}

/// The person's options, which override the script's, then those that make the jobs one sweep.
CommandLine sbatch(const Sweep& sweep, const std::string& file, const CommandLine& more) {
  CommandLine line{"sbatch", "--parsable"};
  const CommandLine& own = sweep.request.engine_options;
  line.insert(line.end(), own.begin(), own.end());
  line.insert(line.end(), more.begin(), more.end());
  line.push_back((submit_folder(sweep.request.folder) / (file + ".sh")).string());
  return line;
}

CommandLine after(const std::string& job) {
  return job.empty() ? CommandLine{} : CommandLine{"--dependency=afterany:" + job};
}

CommandLine array_options(const Sweep& sweep, const std::string& shared) {
  CommandLine options = after(shared);
  options.push_back("--array=" + array_of(sweep));
  return options;
}

std::string describe(const Sweep& sweep) {
  std::string text;
  const std::string shared = sweep.shared_seconds > 0 ? "SHARED" : "";
  if (!shared.empty()) text += joined(sbatch(sweep, "shared", {})) + "\n";
  text += joined(sbatch(sweep, "task", array_options(sweep, shared))) + "\n";
  text += joined(sbatch(sweep, "merge", after("TASKS"))) + "\n";
  const Job job = task_job(sweep);
  return text + fmt::format("each task asks for {} MiB and {} minutes\n\n{}", mebibytes_of(job), minutes_of(job),
                            script_of(sweep, job));
}

void check_options(const Sweep& sweep) {
  for (const std::string& option : sweep.request.engine_options)
    for (const char* own : {"--array", "-a", "--dependency", "-d", "--parsable", "--wrap"})
      if (option == own || option.starts_with(std::string(own) + "="))
        fail("the sbatch option {} is submit's own (--tasks and --at-once size the array)", own);
}

/// The number of the job.
std::string submit_job(const CommandLine& command) {
  const FinishedProcess done = run_process(command);
  std::string job = done.output.substr(0, done.output.find_first_of(";\n"));  // "JOB" or "JOB;CLUSTER"
  if (done.exit_code != 0 || job.empty())
    fail("sbatch failed (exit code {}): {}{}", done.exit_code, done.errors, done.output);
  return job;
}

/// Jobs of a sweep of which the rest could not be submitted.
void cancel(const std::vector<std::string>& jobs) {
  CommandLine command{"scancel"};
  command.insert(command.end(), jobs.begin(), jobs.end());
  if (!jobs.empty()) (void)run_process(command);
}

void write_scripts(const Sweep& sweep) {
  for (const Job& job : {shared_job(sweep), task_job(sweep), merge_job(sweep)})
    write_text_atomically(submit_folder(sweep.request.folder) / (job.file + ".sh"), script_of(sweep, job));
}

std::vector<std::string> submit_all(const Sweep& sweep) {
  std::vector<std::string> jobs;
  try {
    std::string shared;
    if (sweep.shared_seconds > 0) shared = jobs.emplace_back(submit_job(sbatch(sweep, "shared", {})));
    const std::string tasks = jobs.emplace_back(submit_job(sbatch(sweep, "task", array_options(sweep, shared))));
    jobs.push_back(submit_job(sbatch(sweep, "merge", after(tasks))));
  } catch (const Error&) {
    cancel(jobs);
    throw;
  }
  return jobs;
}

int run(const Sweep& sweep, SweepRecord& record) {
  check_options(sweep);
  if (!is_in_path("sbatch"))
    fail(
        "sbatch is not in PATH: submit on a machine of a Slurm cluster, or use --engine local "
        "(scripts/slurm_single_node.sh starts a Slurm of one node)");
  write_scripts(sweep);
  record.jobs = submit_all(sweep);
  const std::string jobs = fmt::format("{}", fmt::join(record.jobs, ","));
  const std::string folder = shell_quoted(sweep.request.folder.string());
  fmt::print(
      "submitted: {} cells in {} tasks, jobs {}\n"
      "watch   quantbench status {}\n"
      "        squeue --jobs={}\n"
      "logs    {}/submit/*.log\n"
      "report  {}/report.json, when the last job is done\n"
      "cancel  scancel {}\n",
      sweep.waiting(), sweep.tasks.size(), jobs, folder, jobs, folder, folder, fmt::join(record.jobs, " "));
  return 0;
}

std::size_t default_tasks(const SweepSize& size) {
  const auto by_time = static_cast<std::size_t>(std::ceil(size.seconds / seconds_of_a_task));
  return std::clamp(std::max(by_time, size.at_once.value_or(fewest_tasks)), std::size_t{1},
                    std::min(most_tasks, std::max<std::size_t>(size.cells, 1)));
}

std::string queued(const SweepRecord& record) {
  if (record.jobs.empty() || !is_in_path("squeue")) return "";
  // Jobs that are long over are unknown to it, which is an error when there is only one.
  const FinishedProcess done = run_process(
      {"squeue", "--noheader", "--format=%i %T %r", "--jobs", fmt::format("{}", fmt::join(record.jobs, ","))});
  return done.exit_code == 0 ? done.output : "";
}

const Register<Engine> registered{"slurm",
                                  {"an array of jobs on a Slurm cluster", default_tasks,
                                   [](const SweepSize&) { return threads_of_a_task; }, describe, run, queued}};

}  // namespace
}  // namespace quantbench
