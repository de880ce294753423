// Runs the built program as a person would.
#pragma once

#include <sys/wait.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "core/file.h"
#include "core/isa_limit.h"
#include "core/testing/temporary_folder.h"

namespace quantbench {

struct ProgramResult {
  int exit_code = -1;  // -1: killed by a signal
  std::string output;  // standard output
  std::string errors;  // standard error
};

/// The arguments with the limit of this process, if it has one, for commands that take it.
inline std::string with_limit_of_this_process(std::string arguments) {
  const bool names_a_command = !arguments.empty() && !arguments.starts_with("-");
  const bool has_limit = arguments.find("--isa") != std::string::npos;
  if (names_a_command && !has_limit && best_isa() != machine_isas().back())
    arguments.insert(std::min(arguments.find(' '), arguments.size()), fmt::format(" --isa {}", to_string(best_isa())));
  return arguments;
}

/// `arguments` as typed in a shell after "quantbench"; the command stands in { }.
inline ProgramResult run_program(const std::string& arguments) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "quantbench";
  const testing_support::TemporaryFolder folder;
  const auto errors = folder / "errors";
  ProgramResult result;
  FILE* pipe = ::popen(
      ("( { " + program.string() + " " + with_limit_of_this_process(arguments) + "; } ) 2>" + errors.string()).c_str(),
      "r");
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    result.output.append(buffer.data(), count);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  result.errors = read_text(errors);
  return result;
}

}  // namespace quantbench
