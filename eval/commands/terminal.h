// What commands say to the person: text on standard output, progress on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace quantbench {

/// Writes to standard output. A reader that has gone away is ignored, so that the exit code still tells the result;
/// other write errors are found by `main` when it flushes.
void print_text(std::string_view text);

/// Columns of the terminal that standard output goes to; 0 (unlimited) when it is not a terminal.
std::size_t terminal_width();

/// Whole seconds as "7 s", "1 min 07 s" or "2 h 01 min".
std::string duration_text(double seconds);

/// Steps done, of how many, and the time left, on standard error: one rewritten line on a terminal, otherwise a line
/// every ten seconds.
class Progress {
 public:
  Progress(std::string label, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `detail` is shown after the count.
  void step(std::string_view detail) { advance_to(done_ + 1, detail); }
  void advance_to(std::size_t done, std::string_view detail);

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool terminal_;
  bool line_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
};

}  // namespace quantbench
