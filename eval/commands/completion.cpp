#include <memory>

#include "eval/command.h"
#include "eval/command_line/command_tree.h"
#include "eval/commands/terminal.h"

namespace quantbench {
namespace {

int completion(const CommandTree& tree, const std::string& shell) {
  print_text(shell == "bash" ? bash_completion(tree) : shell == "zsh" ? zsh_completion(tree) : fish_completion(tree));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto shell = std::make_shared<std::string>();
  options.add("SHELL", *shell, "bash, zsh or fish").required().one_of({"bash", "zsh", "fish"});
  options.footer(
      "The Debian package installs all three.\n\n"
      "Examples:\n"
      "  source <(quantbench completion bash)\n"
      "  quantbench completion zsh > ~/.zfunc/_quantbench\n"
      "  quantbench completion fish > ~/.config/fish/completions/quantbench.fish");
  return [options, shell] { return completion(command_tree(options.program()), *shell); };
}

const Register<Command> registered{"completion",
                                   {"Print a script that completes quantbench's command line in a shell", declare}};

}  // namespace
}  // namespace quantbench
