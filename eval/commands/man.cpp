#include "eval/command.h"
#include "eval/command_line/command_tree.h"
#include "eval/commands/terminal.h"
#include "eval/environment.h"

namespace quantbench {
namespace {

std::function<int()> declare(CommandOptions& options) {
  options.footer(
      "The Debian package installs it as quantbench(1).\n\n"
      "Example:\n"
      "  quantbench man > quantbench.1; man -l quantbench.1");
  return [options] {
    print_text(manual_page(command_tree(options.program()), quantbench_version()));
    return 0;
  };
}

const Register<Command> registered{"man", {"Print the manual page of quantbench, for man(1)", declare}};

}  // namespace
}  // namespace quantbench
