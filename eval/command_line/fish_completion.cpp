#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/command_line/command_tree.h"

namespace quantbench {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "'";
}

/// Values: -x takes one and no file, -r one that may be a file.
std::string value_of(const OptionSummary& option) {
  if (!option.takes_value) return "";
  std::string text = option.file ? " -r -F" : " -x";
  if (!option.choices.empty()) text += fmt::format(" -a {}", quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  return text;
}

std::string lines_of(const std::string& program, const std::string& condition, const OptionSummary& option) {
  const std::string start = fmt::format("complete -c {} -n {}", program, quoted(condition));
  std::string names;
  for (const std::string& name : option.names)
    names += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2)) : fmt::format(" -s {}", name.substr(1));
  std::string lines;
  if (!names.empty())
    lines += fmt::format("{}{}{} -d {}\n", start, names, value_of(option), quoted(option.description));
  if (!option.positional.empty() && !option.choices.empty())
    lines += fmt::format("{} -a {}\n", start, quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  if (!option.positional.empty() && option.file) lines += fmt::format("{} -F\n", start);
  return lines;
}

}  // namespace

std::string fish_completion(const CommandTree& tree) {
  std::string text =
      fmt::format("# Completion of {0} for fish, printed by `{0} completion fish`.\n\ncomplete -c {0} -f\n", tree.name);
  for (const OptionSummary& option : tree.options) text += lines_of(tree.name, "__fish_use_subcommand", option);
  for (const CommandSummary& command : tree.commands)
    text += fmt::format("complete -c {} -n '__fish_use_subcommand' -a {} -d {}\n", tree.name, command.name,
                        quoted(command.summary));
  for (const CommandSummary& command : tree.commands)
    for (const OptionSummary& option : command.options)
      text += lines_of(tree.name, fmt::format("__fish_seen_subcommand_from {}", command.name), option);
  return text;
}

}  // namespace quantbench
