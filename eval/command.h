// A command of the `quantbench` program. Add one by adding a file under eval/commands/ that registers a Command.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

#include "core/registry.h"

namespace quantbench {

struct Command {
  static constexpr const char* kind = "command";
  std::string summary;
  /// Declares arguments on `app` and returns what runs after parsing; the returned function gives the exit code.
  std::function<std::function<int()>(CLI::App& app)> declare;
};

}  // namespace quantbench
