// Declares what commands take from the command line, and parses it. The library behind it is CLI11, which only .cpp
// files of this folder include: it would cost every command 8 seconds of compiling.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the name of the library
class App;
class Option;
}  // namespace CLI

namespace quantbench {

/// An option or argument that has been declared; says more about it. Copies stand for the same option.
class DeclaredOption {
 public:
  explicit DeclaredOption(CLI::Option& option) : option_(&option) {}

  DeclaredOption required() const;
  /// The words of --help end with the value that it has without the option.
  DeclaredOption shows_default() const;

  /// Several values may stand in one word, with commas between.
  DeclaredOption comma_separated() const;
  /// A list takes one value each time that the option is given, not all that follow.
  DeclaredOption one_value_each_time() const;

  /// Both ends belong to the range.
  DeclaredOption in_range(int least, int most) const;
  DeclaredOption positive() const;
  DeclaredOption one_of(const std::vector<std::string>& words) const;

  DeclaredOption needs(DeclaredOption other) const;
  DeclaredOption excludes(DeclaredOption other) const;

 private:
  CLI::Option* option_;
};

/// What one command takes. Copies stand for the same command; they are valid as long as the CommandLineParser.
class CommandOptions {
 public:
  explicit CommandOptions(CLI::App& command) : command_(&command) {}

  /// `names`: "--name", "NAME" for an argument known by its position, or "--name,NAME" for both ways. Parsing writes to
  /// `value`, which has to live until then. Linking fails for a type of value that is not listed in parser.cpp.
  template <class Value>
  DeclaredOption add(const std::string& names, Value& value, const std::string& description);
  /// A flag "!--name" makes `value` false.
  DeclaredOption add_flag(const std::string& names, bool& value, const std::string& description);
  /// What --help says below the options.
  void footer(const std::string& text);

  /// Accepts what is not declared, too; after parsing undeclared() tells it.
  void allow_undeclared();
  std::vector<std::string> undeclared() const;

  /// What the command belongs to, for command_tree().
  const CLI::App& program() const;

 private:
  CLI::App* command_;
};

/// The command line of a program that is called with the name of a command.
class CommandLineParser {
 public:
  CommandLineParser(const std::string& program, const std::string& description);
  ~CommandLineParser();

  /// What --version prints.
  void version(const std::string& text);
  /// What --help says below the commands.
  void footer(const std::string& text);
  CommandOptions add_command(const std::string& name, const std::string& summary);

  /// Gives the name of the command; none when help or the version was asked for and is printed. Throws Error that says
  /// what is wrong with the arguments.
  std::optional<std::string> parse(int argc, const char* const* argv);

  /// For command_tree().
  const CLI::App& program() const { return *program_; }

 private:
  std::unique_ptr<CLI::App> program_;
};

}  // namespace quantbench
