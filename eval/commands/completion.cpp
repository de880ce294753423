#include "eval/command.h"
#include "eval/command_line/command_tree.h"
#include "eval/commands/terminal.h"

namespace quantbench {
namespace {

int completion(const CLI::App& app, const std::string& shell) {
  const CommandTree tree = command_tree(*app.get_parent());
  print_text(shell == "bash" ? bash_completion(tree) : shell == "zsh" ? zsh_completion(tree) : fish_completion(tree));
  return 0;
}

std::function<int()> declare(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app.footer(
      "The Debian package installs all three.\n\n"
      "Examples:\n"
      "  source <(quantbench completion bash)\n"
      "  quantbench completion zsh > ~/.zfunc/_quantbench\n"
      "  quantbench completion fish > ~/.config/fish/completions/quantbench.fish");
  return [&app, shell] { return completion(app, *shell); };
}

const Register<Command> registered{"completion",
                                   {"Print a script that completes quantbench's command line in a shell", declare}};

}  // namespace
}  // namespace quantbench
