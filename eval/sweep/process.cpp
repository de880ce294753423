#include "eval/sweep/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>

#include "core/error.h"

namespace quantbench {
namespace {

/// posix_spawn's two lists, released at the end.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    set_flags(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  void own_group() { set_flags(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP); }
  void redirect(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }

  pid_t start(const CommandLine& command) const {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environ);
    if (error != 0) fail("cannot start {}: {}", command[0], std::strerror(error));
    return pid;
  }

 private:
  void set_flags(int flags) { ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)); }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// One end of a pipe, or any descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }

 private:
  int value_;
};

struct Pipe {
  Pipe() : Pipe(make()) {}
  Descriptor read, write;

 private:
  explicit Pipe(std::array<int, 2> ends) : read(ends[0]), write(ends[1]) {}
  static std::array<int, 2> make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("cannot make a pipe: {}", std::strerror(errno));
    return ends;
  }
};

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail("cannot wait for process {}: {}", pid, std::strerror(errno));
  return exit_code_of(status);
}

}  // namespace

int exit_code_of(int wait_status) {
  constexpr int by_signal = 128;  // as shells say it
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : by_signal + WTERMSIG(wait_status);
}

FinishedProcess run_process(const CommandLine& command) {
  Pipe output, errors;
  SpawnSettings settings;
  settings.redirect(output.write.value(), STDOUT_FILENO);
  settings.redirect(errors.write.value(), STDERR_FILENO);
  const pid_t pid = settings.start(command);
  output.write.close();
  errors.write.close();
  FinishedProcess finished;
  std::thread reads_errors([&] { finished.errors = read_all(errors.read.value()); });
  finished.output = read_all(output.read.value());
  reads_errors.join();
  finished.exit_code = wait_for(pid);
  return finished;
}

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((std::filesystem::path(folder) / program).c_str(), X_OK) == 0) return true;
  return false;
}

pid_t start_process(const CommandLine& command, const std::filesystem::path& log) {
  const Descriptor file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.value() < 0) fail("cannot write {}: {}", log.string(), std::strerror(errno));
  SpawnSettings settings;
  settings.own_group();
  settings.redirect(file.value(), STDOUT_FILENO);
  settings.redirect(file.value(), STDERR_FILENO);
  return settings.start(command);
}

}  // namespace quantbench
