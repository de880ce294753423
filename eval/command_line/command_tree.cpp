#include "eval/command_line/command_tree.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "eval/command_line/choices.h"

namespace quantbench {
namespace {

/// "TEXT:{cpu,cuda}" gives cpu and cuda.
std::vector<std::string> choices_in(const std::string& type) {
  std::vector<std::string> choices;
  const std::size_t open = type.find('{'), close = type.find('}', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return choices;
  for (std::size_t begin = open + 1; begin <= close;) {
    const std::size_t end = std::min(type.find(',', begin), close);
    choices.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return choices;
}

const Choices* find_choices(const OptionSummary& option) {
  for (const Choices& known : known_choices())
    if (known.option == option.positional || std::ranges::find(option.names, known.option) != option.names.end())
      return &known;
  return nullptr;
}

OptionSummary summary_of(const CLI::Option& option) {
  OptionSummary summary;
  for (const std::string& name : option.get_lnames()) summary.names.push_back(fmt::format("--{}", name));
  for (const std::string& name : option.get_snames()) summary.names.push_back(fmt::format("-{}", name));
  if (option.get_positional()) summary.positional = option.get_name(true, false);
  summary.description = option.get_description();
  summary.takes_value = option.get_items_expected_max() > 0;
  summary.required = option.get_required();
  summary.repeats = option.get_items_expected_max() > 1;
  summary.list = option.get_delimiter() == ',';
  if (!summary.takes_value) return summary;
  const std::string type = option.get_type_name();
  summary.choices = choices_in(type);
  if (const Choices* known = summary.choices.empty() ? find_choices(summary) : nullptr) {
    summary.choices = known->values;
    summary.file = known->file;
  } else {
    summary.file = summary.choices.empty() && std::string_view(type).starts_with("TEXT");
  }
  return summary;
}

std::vector<OptionSummary> options_of(const CLI::App& app) {
  std::vector<OptionSummary> options;
  for (const CLI::Option* option : app.get_options()) options.push_back(summary_of(*option));
  return options;
}

}  // namespace

CommandTree command_tree(const CLI::App& program) {
  CommandTree tree{program.get_name(), program.get_description(), program.get_footer(), options_of(program), {}};
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; }))
    tree.commands.push_back(
        {command->get_name(), command->get_description(), command->get_footer(), options_of(*command)});
  return tree;
}

}  // namespace quantbench
