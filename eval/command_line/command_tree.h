// What the command line offers, read from the declarations that parse it: shell completion and the manual are made of this.
#pragma once

#include <string>
#include <vector>

#include "eval/command_line/parser.h"

namespace quantbench {

struct OptionSummary {
  std::vector<std::string> names;  // "--json", "-h"; empty: only given by its position
  std::string positional;          // "REPORT"; empty: only given by its name
  std::string description;
  bool takes_value = false;
  bool required = false;
  bool repeats = false;              // several values, or the option several times
  bool list = false;                 // several values in one word, with commas between
  std::vector<std::string> choices;  // what the value may be, or examples of it
  bool file = false;                 // the value may be the path of a file or folder
};

struct CommandSummary {
  std::string name, summary, footer;
  std::vector<OptionSummary> options;  // in the order of their declaration
};

struct CommandTree {
  std::string name, summary, footer;
  std::vector<OptionSummary> options;  // before a command
  std::vector<CommandSummary> commands;
};

/// Of the whole program; `program` has all commands declared.
CommandTree command_tree(const CLI::App& program);

/// Scripts that complete commands, options and values in a shell.
std::string bash_completion(const CommandTree& tree);
std::string zsh_completion(const CommandTree& tree);
std::string fish_completion(const CommandTree& tree);

/// A page of the manual, section 1, in the macros of man(7).
std::string manual_page(const CommandTree& tree, const std::string& version);

}  // namespace quantbench
