#include "eval/commands/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace quantbench {

std::string duration_text(double seconds) {
  const auto whole = std::lround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

void print_text(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::size_t terminal_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

Progress::Progress(std::string label, std::size_t total)
    : label_(std::move(label)), total_(total), terminal_(::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (line_open_) std::fputc('\n', stderr);
}

void Progress::advance_to(std::size_t done, std::string_view detail) {
  done_ = done;
  const auto now = Clock::now();
  const auto since_shown = std::chrono::duration<double>(now - shown_).count();
  if (since_shown < (terminal_ ? 0.1 : 10.0) && !(terminal_ && done_ == total_)) return;
  shown_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double left = elapsed / static_cast<double>(std::max<std::size_t>(done_, 1)) *
                      static_cast<double>(total_ - std::min(done_, total_));
  fmt::print(stderr, "{}{} {}/{} {} ({} left){}", terminal_ ? "\r\x1b[K" : "", label_, done_, total_, detail,
             duration_text(left), terminal_ ? "" : "\n");
  std::fflush(stderr);
  line_open_ = terminal_;
}

}  // namespace quantbench
