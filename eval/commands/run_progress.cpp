#include "eval/commands/run_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "eval/commands/terminal.h"

namespace quantbench {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

RunProgress::RunProgress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

RunProgress::~RunProgress() { clear(); }

RunEvents RunProgress::events() {
  RunEvents events;
  events.notice = [this](const std::string& text) { notice(text); };
  events.start = [this](std::size_t cells, double seconds) {
    cells_ = cells;
    predicted_ = seconds;
  };
  events.begin = [this](const std::string& name, double seconds) {
    step_ = name;
    step_predicted_ = seconds;
    step_fraction_ = 0;
    step_start_ = Clock::now();
    show();
  };
  events.progress = [this](double fraction) {
    step_fraction_ = fraction;
    show();
  };
  events.end = [this] {
    if (step_predicted_ > 0) {
      ++cells_done_;
      predicted_done_ += step_predicted_;
      spent_ += seconds_between(step_start_, Clock::now());
    }
  };
  return events;
}

void RunProgress::notice(const std::string& text) {
  clear();
  fmt::print(stderr, "note: {}\n", text);
}

// What is left by the prediction, scaled by how right it was so far.
std::string RunProgress::remaining(double step_elapsed) const {
  const double predicted = predicted_done_ + step_fraction_ * step_predicted_;
  if (predicted_ <= 0 || predicted <= 0) return "";
  const double scale = (spent_ + (step_predicted_ > 0 ? step_elapsed : 0)) / predicted;
  return ", " + duration_text(std::max(0.0, predicted_ - predicted) * scale) + " left";
}

void RunProgress::show() {
  const Clock::time_point now = Clock::now();
  const double interval = terminal_ ? 0.1 : 10;
  if (seconds_between(start_, now) < 2 || seconds_between(shown_, now) < interval) return;
  shown_ = now;
  const std::string cell = cells_ == 0 ? "" : fmt::format("[{}/{}] ", std::min(cells_done_ + 1, cells_), cells_);
  const std::string line =
      fmt::format("{}{} {:.0f} %{}", cell, step_, 100 * step_fraction_, remaining(seconds_between(step_start_, now)));
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ ? "" : "\n");
  std::fflush(stderr);
  line_open_ = terminal_;
}

void RunProgress::clear() {
  if (line_open_) fmt::print(stderr, "\r\033[K");
  line_open_ = false;
}

}  // namespace quantbench
