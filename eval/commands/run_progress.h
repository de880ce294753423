// Progress of a run on standard error: which cell, how far, how long still.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "eval/runner/runner.h"

namespace quantbench {

/// One rewritten line on a terminal, else a line every ten seconds; nothing in the first two seconds. Notices are
/// always printed.
class RunProgress {
 public:
  RunProgress();
  ~RunProgress();
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;

  /// Valid as long as this object lives.
  RunEvents events();
  void notice(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;

  void show();
  void clear();
  std::string remaining(double elapsed_seconds) const;

  bool terminal_;
  bool line_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
  Clock::time_point step_start_ = start_;
  std::string step_;
  double step_predicted_ = 0;  // seconds
  double step_fraction_ = 0;
  std::size_t cells_ = 0, cells_done_ = 0;
  double predicted_ = 0;       // seconds of all cells
  double predicted_done_ = 0;  // of the finished ones
  double spent_ = 0;           // seconds that the finished cells took
};

}  // namespace quantbench
