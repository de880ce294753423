// Ends a command at once and cleanly when it is told to: SIGTERM (a cluster's time limit, scancel, requeue), SIGINT
// (ctrl-C) and SIGHUP.
#pragma once

#include <pthread.h>

#include <csignal>
#include <functional>
#include <thread>

namespace quantbench {

/// While the object lives, such a signal runs `clean_up` on a thread of its own, beside whatever the others compute, and ends
/// the process with exit code 128 + signal (143 for SIGTERM, 130 for ctrl-C). Make it before other threads start: they
/// inherit that those signals are not theirs. `clean_up` may run at any moment of the object's life.
class EndOnSignal {
 public:
  explicit EndOnSignal(std::function<void()> clean_up);
  ~EndOnSignal();
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;

 private:
  void wait();

  std::function<void()> clean_up_;
  sigset_t before_;
  std::thread thread_;
};

}  // namespace quantbench
