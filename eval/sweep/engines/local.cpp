// Processes on this machine: some at a time, the machine's threads divided among them.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <deque>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "core/parallel.h"
#include "eval/commands/terminal.h"
#include "eval/sweep/engine.h"
#include "eval/sweep/process.h"

namespace quantbench {
namespace {

constexpr int exit_no = 1;
constexpr int exit_bad_input = 2;
constexpr int exit_by_signal = 128;
constexpr std::size_t tasks_for_each_process = 4;
constexpr std::size_t default_at_once = 2;
constexpr double seconds_to_end = 10;  // between SIGTERM and SIGKILL

std::size_t at_once_of(const std::optional<std::size_t>& asked) {
  return std::max<std::size_t>(asked.value_or(default_at_once), 1);
}

/// Blocks the signals that end a sweep or tell of a child, so that they are waited for.
class WaitedSignals {
 public:
  WaitedSignals() {
    ::sigemptyset(&signals_);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~WaitedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WaitedSignals(const WaitedSignals&) = delete;
  WaitedSignals& operator=(const WaitedSignals&) = delete;

  /// A signal that ends the sweep, or 0 after a child's end or half a second.
  int wait() const {
    constexpr timespec half_a_second{0, 500'000'000};
    const int signal = ::sigtimedwait(&signals_, nullptr, &half_a_second);
    return signal <= 0 || signal == SIGCHLD ? 0 : signal;
  }

 private:
  sigset_t signals_, before_;
};

struct Step {
  std::string name;  // of the log
  CommandLine command;
};

/// Runs steps, some at a time, to their end.
class Children {
 public:
  Children(const Sweep& sweep, std::function<void()> look) : sweep_(sweep), look_(std::move(look)) {}

  /// 0, or 128 + the signal that ended the sweep.
  int run(std::deque<Step> steps, std::size_t at_once) {
    while (!steps.empty() || !running_.empty()) {
      while (!steps.empty() && running_.size() < at_once) {
        start(steps.front());
        steps.pop_front();
      }
      if (const int signal = signals_.wait(); signal != 0) {
        end_all();
        return exit_by_signal + signal;
      }
      reap();
      look_();
    }
    return 0;
  }

  const std::map<std::string, int>& exit_codes() const { return exit_codes_; }

 private:
  void start(const Step& step) {
    running_[start_process(step.command, submit_folder(sweep_.request.folder) / (step.name + ".log"))] = step.name;
  }

  void reap() {
    for (auto it = running_.begin(); it != running_.end();) {
      int status = 0;
      if (::waitpid(it->first, &status, WNOHANG) != it->first) {
        ++it;
        continue;
      }
      exit_codes_[it->second] = exit_code_of(status);
      it = running_.erase(it);
    }
  }

  void end_all() {
    signal_all(SIGTERM);
    for (double waited = 0; !running_.empty() && waited < seconds_to_end; waited += 0.5) {
      (void)signals_.wait();
      reap();
    }
    signal_all(SIGKILL);
    for (const auto& [pid, name] : running_) ::waitpid(pid, nullptr, 0);
  }

  void signal_all(int signal) const {
    for (const auto& [pid, name] : running_) ::kill(pid, signal);
  }

  const Sweep& sweep_;
  std::function<void()> look_;
  WaitedSignals signals_;
  std::map<pid_t, std::string> running_;
  std::map<std::string, int> exit_codes_;
};

/// Shows how many of the cells that the sweep began with are in the store.
class CellProgress {
 public:
  explicit CellProgress(const Sweep& sweep) : store_(sweep.request.folder), progress_("cells", sweep.waiting()) {
    for (const StoredPlan::Cell& cell : store_.read_plan().cells) ids_.push_back(cell.id);
    before_ = count();
  }
  void look() { progress_.advance_to(count() - std::min(before_, count()), ""); }

 private:
  std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        ids_, [&](const std::string& id) { return std::filesystem::exists(store_.cell_file(id)); }));
  }

  ResultStore store_;
  std::vector<std::string> ids_;
  std::size_t before_ = 0;
  Progress progress_;
};

std::string last_line(const std::filesystem::path& file) {
  std::string text = std::filesystem::exists(file) ? read_text(file) : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

/// 1 when cells failed, 2 when a process did.
int gathered(const Sweep& sweep, const std::map<std::string, int>& exit_codes) {
  int worst = 0;
  for (const auto& [name, code] : exit_codes) {
    if (code == 0) continue;
    worst = std::max(worst, code == exit_no ? exit_no : exit_bad_input);
    const std::filesystem::path log = submit_folder(sweep.request.folder) / (name + ".log");
    fmt::print(stderr, "{}: exit code {}: {} ({})\n", name, code, last_line(log), log.string());
  }
  return worst;
}

int merge(const Sweep& sweep) {
  const FinishedProcess done = run_process(merge_command(sweep));
  print_text(done.output);
  fmt::print(stderr, "{}", done.errors);
  return done.exit_code;
}

CommandLine with_threads(CommandLine command, int threads) {
  command.insert(command.end(), {"--threads", std::to_string(std::max(threads, 1))});
  return command;
}

int run(const Sweep& sweep, SweepRecord& /*record*/) {
  if (!sweep.request.engine_options.empty())
    fail("the engine local takes no options of its own, and '{}' is one", sweep.request.engine_options.front());
  const std::size_t at_once = std::min(at_once_of(sweep.request.at_once), sweep.tasks.size());
  const int all = sweep.request.threads * static_cast<int>(at_once);
  CellProgress progress(sweep);
  Children children(sweep, [&] { progress.look(); });
  int code = 0;
  if (sweep.shared_seconds > 0) code = children.run({{"shared", with_threads(shared_command(sweep), all)}}, 1);
  std::deque<Step> steps;
  for (const SweepTask& task : sweep.tasks)
    steps.push_back({fmt::format("task-{}", task.number),
                     with_threads(task_command(sweep, std::to_string(task.number)), sweep.request.threads)});
  if (code == 0) code = children.run(std::move(steps), at_once);
  if (code != 0) return code;
  return std::max(gathered(sweep, children.exit_codes()), merge(sweep));
}

std::string describe(const Sweep& sweep) {
  return fmt::format("{} processes at a time, {} threads each\n",
                     std::min(at_once_of(sweep.request.at_once), sweep.tasks.size()), sweep.request.threads);
}

std::size_t default_tasks(const SweepSize& size) {
  return std::min(std::max<std::size_t>(size.cells, 1), tasks_for_each_process * at_once_of(size.at_once));
}

int default_threads(const SweepSize& size) {
  return std::max(1, hardware_threads() / static_cast<int>(at_once_of(size.at_once)));
}

const Register<Engine> registered{"local",
                                  {"processes on this machine", default_tasks, default_threads, describe, run,
                                   [](const SweepRecord&) { return std::string(); }}};

}  // namespace
}  // namespace quantbench
