#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/command_line/command_tree.h"

namespace quantbench {
namespace {

/// `text` with a backslash before each of `special`, within single quotes of the shell.
std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

/// What follows a name: ":what:how to complete it".
std::string value_of(const OptionSummary& option, const std::string& what) {
  if (!option.takes_value) return "";
  std::vector<std::string> choices;
  for (const std::string& choice : option.choices) choices.push_back(escaped(choice, ":() \\"));
  const std::string list = fmt::format("({})", fmt::join(choices, " "));
  if (option.list && !choices.empty())
    return fmt::format(":{}:_values -s , {} {}", what, what, fmt::join(choices, " "));
  if (!choices.empty() && option.file)
    return fmt::format(":{0}:{{_alternative \"choices:{0}:{1}\" \"files:file:_files\"}}", what, list);
  if (!choices.empty()) return fmt::format(":{}:{}", what, list);
  return fmt::format(":{}:{}", what, option.file ? "_files" : "");
}

std::string what_of(const OptionSummary& option) {
  return option.positional.empty() ? option.names.front().substr(option.names.front().find_first_not_of('-'))
                                   : option.positional;
}

void add_specs(const OptionSummary& option, std::vector<std::string>& specs) {
  const std::string value = value_of(option, what_of(option));
  for (const std::string& name : option.names)
    specs.push_back(fmt::format("'{}{}{}[{}]{}'", option.repeats || !option.takes_value ? "*" : "", name,
                                option.takes_value ? "=" : "", escaped(option.description, "[]:\\"), value));
  if (!option.positional.empty()) specs.push_back(fmt::format("'{}{}'", option.repeats ? "*" : "", value));
}

std::string command_case(const CommandSummary& command) {
  std::vector<std::string> specs;
  for (const OptionSummary& option : command.options) add_specs(option, specs);
  return fmt::format("        {})\n          _arguments -S \\\n            {}\n          ;;\n", command.name,
                     fmt::join(specs, " \\\n            "));
}

}  // namespace

std::string zsh_completion(const CommandTree& tree) {
  std::string text = fmt::format(
      "#compdef {0}\n# Completion of {0} for zsh, printed by `{0} completion zsh`.\n\n_{0}() {{\n"
      "  local context state state_descr line\n  typeset -A opt_args\n  local -a commands\n  commands=(\n",
      tree.name);
  for (const CommandSummary& command : tree.commands)
    text += fmt::format("    '{}:{}'\n", command.name, escaped(command.summary, "\\"));
  text += "  )\n  _arguments -C \\\n";
  std::vector<std::string> specs;
  for (const OptionSummary& option : tree.options) add_specs(option, specs);
  text += fmt::format("    {} \\\n    ':command:->command' \\\n    '*::argument:->argument'\n",
                      fmt::join(specs, " \\\n    "));
  text += "  case $state in\n    command) _describe command commands ;;\n    argument)\n      case $words[1] in\n";
  for (const CommandSummary& command : tree.commands) text += command_case(command);
  // Loaded by name from a folder of $fpath, the file is the function; sourced, it is to be told to the completion system.
  return text + fmt::format(
                    "      esac\n      ;;\n  esac\n}}\n\n"
                    "if [ \"$funcstack[1]\" = \"_{0}\" ]; then _{0} \"$@\"; else compdef _{0} {0}; fi\n",
                    tree.name);
}

}  // namespace quantbench
