// Other programs as child processes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "eval/sweep/sweep.h"

namespace quantbench {

struct FinishedProcess {
  int exit_code = 0;   // 128 + signal when a signal ended it
  std::string output;  // standard output
  std::string errors;  // standard error
};

/// Waits for its end. The program is looked for in PATH. Throws Error when it cannot be started, naming it.
FinishedProcess run_process(const CommandLine& command);

/// Whether PATH has an executable of this name.
bool is_in_path(const std::string& program);

/// Starts a program in a process group of its own, with no input, its output and errors appended to `log`, and no signal
/// blocked. Throws Error.
pid_t start_process(const CommandLine& command, const std::filesystem::path& log);

/// Of what waitpid says: the exit code, or 128 + signal.
int exit_code_of(int wait_status);

}  // namespace quantbench
