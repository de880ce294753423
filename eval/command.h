// A command of the `quantbench` program. Add one by adding a file under eval/commands/ that registers a Command.
#pragma once

#include <functional>
#include <string>

#include "core/registry.h"
#include "eval/command_line/parser.h"

namespace quantbench {

struct Command {
  static constexpr const char* kind = "command";
  std::string summary;
  /// Declares options and returns what runs after parsing; the returned function gives the exit code.
  std::function<std::function<int()>(CommandOptions& options)> declare;
};

}  // namespace quantbench
