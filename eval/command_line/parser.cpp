#include "eval/command_line/parser.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {

DeclaredOption DeclaredOption::required() const {
  option_->required();
  return *this;
}

DeclaredOption DeclaredOption::shows_default() const {
  option_->capture_default_str();
  return *this;
}

DeclaredOption DeclaredOption::comma_separated() const {
  option_->delimiter(',');
  return *this;
}

DeclaredOption DeclaredOption::one_value_each_time() const {
  option_->allow_extra_args(false);
  return *this;
}

DeclaredOption DeclaredOption::in_range(int least, int most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

DeclaredOption DeclaredOption::positive() const {
  option_->check(CLI::PositiveNumber);
  return *this;
}

DeclaredOption DeclaredOption::one_of(const std::vector<std::string>& words) const {
  option_->check(CLI::IsMember(words));
  return *this;
}

DeclaredOption DeclaredOption::needs(DeclaredOption other) const {
  option_->needs(other.option_);
  return *this;
}

DeclaredOption DeclaredOption::excludes(DeclaredOption other) const {
  option_->excludes(other.option_);
  return *this;
}

template <class Value>
DeclaredOption CommandOptions::add(const std::string& names, Value& value, const std::string& description) {
  return DeclaredOption(*command_->add_option(names, value, description));
}

template DeclaredOption CommandOptions::add(const std::string&, std::string&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, std::optional<std::string>&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, std::vector<std::string>&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, int&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, std::vector<int>&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, std::size_t&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, std::vector<std::size_t>&, const std::string&);
template DeclaredOption CommandOptions::add(const std::string&, double&, const std::string&);

DeclaredOption CommandOptions::add_flag(const std::string& names, bool& value, const std::string& description) {
  return DeclaredOption(*command_->add_flag(names, value, description));
}

void CommandOptions::footer(const std::string& text) { command_->footer(text); }

void CommandOptions::allow_undeclared() { command_->allow_extras(); }

std::vector<std::string> CommandOptions::undeclared() const { return command_->remaining(); }

const CLI::App& CommandOptions::program() const { return *command_->get_parent(); }

namespace {

const CLI::App& chosen(const CLI::App& program) {
  const auto parsed = program.get_subcommands();
  return parsed.empty() ? program : *parsed.front();
}

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  std::ranges::sort(names);
  return names;
}

/// What is wrong with the arguments; an option that does not exist explains more than the one that is then missing.
std::string usage_problem(const CLI::App& app, const CLI::ParseError& error) {
  const std::string prefix = app.get_parent() == nullptr ? "" : app.get_name() + ": ";
  const std::vector<std::string> surplus = app.remaining();
  const auto option = std::ranges::find_if(surplus, [](const std::string& text) { return text.starts_with("-"); });
  if (option != surplus.end()) {
    const std::string name = option->substr(0, option->find('='));
    return fmt::format("{}unknown option '{}'{}", prefix, name, suggestion(name, long_options(app)));
  }
  if (!surplus.empty()) return fmt::format("{}unexpected argument '{}'", prefix, surplus.front());
  return prefix + error.what();
}

}  // namespace

CommandLineParser::CommandLineParser(const std::string& program, const std::string& description)
    : program_(std::make_unique<CLI::App>(description, program)) {
  program_->require_subcommand(1);
}

CommandLineParser::~CommandLineParser() = default;

void CommandLineParser::version(const std::string& text) { program_->set_version_flag("--version", text); }

void CommandLineParser::footer(const std::string& text) { program_->footer(text); }

CommandOptions CommandLineParser::add_command(const std::string& name, const std::string& summary) {
  return CommandOptions(*program_->add_subcommand(name, summary));
}

std::optional<std::string> CommandLineParser::parse(int argc, const char* const* argv) {
  try {
    program_->parse(argc, argv);
  } catch (const CLI::Success& request) {
    program_->exit(request);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    fail("{}", usage_problem(chosen(*program_), error));
  }
  return chosen(*program_).get_name();
}

}  // namespace quantbench
