#include "eval/commands/end_on_signal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <utility>

namespace quantbench {
namespace {

/// Tells the waiting thread that the object ends.
constexpr int stop_signal = SIGUSR2;

sigset_t ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, stop_signal}) ::sigaddset(&signals, signal);
  return signals;
}

}  // namespace

EndOnSignal::EndOnSignal(std::function<void()> clean_up) : clean_up_(std::move(clean_up)) {
  const sigset_t signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  thread_ = std::thread([this] { wait(); });
}

EndOnSignal::~EndOnSignal() {
  ::pthread_kill(thread_.native_handle(), stop_signal);
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void EndOnSignal::wait() {
  const sigset_t signals = ending_signals();
  int signal = 0;
  if (::sigwait(&signals, &signal) != 0 || signal == stop_signal) return;
  try {
    clean_up_();
  } catch (const std::exception& error) {
    fmt::print(stderr, "quantbench: {}\n", error.what());  // what is left behind is known to be a dead process's
  }
  fmt::print(stderr, "\nquantbench: ended by {}: finished cells are kept, the same command goes on\n",
             ::strsignal(signal));
  constexpr int exit_by_signal = 128;  // as shells say it
  ::_exit(exit_by_signal + signal);
}

}  // namespace quantbench
