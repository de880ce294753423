#include "eval/command_line/command_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

#include "core/file.h"
#include "eval/command.h"
#include "eval/command_line/choices.h"
#include "eval/commands/run_program_for_tests.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing_support::TemporaryFolder;

/// All commands, as main declares them but for --isa.
CommandTree whole_tree() {
  CommandLineParser parser("quantbench", "quantbench: a test");
  for (const std::string& name : Registry<Command>::instance().names()) {
    const Command& command = Registry<Command>::instance().at(name);
    CommandOptions options = parser.add_command(name, command.summary);
    (void)command.declare(options);
  }
  return command_tree(parser.program());
}

const OptionSummary& option(const CommandTree& tree, const std::string& command, const std::string& name) {
  for (const CommandSummary& each : tree.commands) {
    if (each.name != command) continue;
    for (const OptionSummary& declared : each.options)
      if (declared.positional == name || std::ranges::find(declared.names, name) != declared.names.end())
        return declared;
  }
  throw Error(command + " has no " + name);
}

TEST(CommandTree, IsWhatTheParserWasTold) {
  const CommandTree tree = whole_tree();
  EXPECT_EQ(tree.commands.size(), Registry<Command>::instance().names().size());
  EXPECT_TRUE(option(tree, "diff", "FIRST").required);
  EXPECT_TRUE(option(tree, "merge", "DIR").repeats);
  EXPECT_FALSE(option(tree, "run", "--fresh").takes_value);
  EXPECT_TRUE(option(tree, "allocate", "--formats").list);
  EXPECT_THAT(option(tree, "kernels", "--device").choices, ElementsAre("cpu", "cuda"));
  EXPECT_THAT(option(tree, "quantize", "--method").choices, Contains("gptq:int4:g128"));
  EXPECT_THAT(option(tree, "inspect", "MODEL").choices, ElementsAre("embedded:stories"));
  EXPECT_THAT(option(tree, "inspect", "MODEL").names, ElementsAre("--model"));
  EXPECT_TRUE(option(tree, "inspect", "MODEL").file);
  EXPECT_FALSE(option(tree, "run", "--threads").file) << "a number";
}

TEST(CommandTree, ChoicesAreOfOptionsThatThereAre) {
  const CommandTree tree = whole_tree();
  for (const Choices& choices : known_choices()) {
    bool found = choices.option == "--isa";  // which main adds to every command
    for (const CommandSummary& command : tree.commands)
      for (const OptionSummary& declared : command.options)
        found = found || declared.positional == choices.option ||
                std::ranges::find(declared.names, choices.option) != declared.names.end();
    EXPECT_TRUE(found) << choices.option;
    EXPECT_FALSE(choices.values.empty()) << choices.option;
  }
}

/// Why a script has no use for --json there.
const std::map<std::string, std::string>& without_json() {
  static const std::map<std::string, std::string> reasons{
      {"completion", "prints a script"},
      {"man", "prints a page"},
      {"tokenize", "prints a JSON array"},
      {"sensitivity", "--out is a JSON file"},
      {"kernels", "--benchmark_format=json, and --out is a report"},
      {"report", "draws pages and prints one path a line"},
      {"submit", "`status DIR --json` tells of what was submitted"},
  };
  return reasons;
}

TEST(CommandTree, EveryCommandIsExplainedByExampleAndSpeaksJsonOrSaysWhyNot) {
  for (const CommandSummary& command : whole_tree().commands) {
    EXPECT_FALSE(command.summary.empty()) << command.name;
    if (command.summary.starts_with("(planned)")) continue;
    EXPECT_THAT(command.footer, HasSubstr("Example")) << command.name;
    EXPECT_THAT(command.footer, HasSubstr("\n  quantbench " + command.name)) << command.name;
    const bool speaks_json = std::ranges::any_of(command.options, [](const OptionSummary& declared) {
      return std::ranges::find(declared.names, "--json") != declared.names.end();
    });
    EXPECT_NE(speaks_json, without_json().contains(command.name))
        << command.name << (speaks_json ? " has --json: it needs no reason" : " has neither --json nor a reason");
  }
  for (const auto& [name, reason] : without_json()) EXPECT_TRUE(Registry<Command>::instance().contains(name)) << name;
}

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

/// Runs a script of a shell with the completion of the program in ./completion; returns its lines.
class Shell {
 public:
  explicit Shell(const std::string& name) : name_(name) {
    const ProgramResult result = run_program("completion " + name);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    write_text_atomically(folder_ / "completion", result.output);
    write_text_atomically(folder_ / "report.json", "{}");
  }

  std::vector<std::string> run(const std::string& script) const {
    write_text_atomically(folder_ / "script", script);
    const std::string command = "cd " + (folder_ / "").string() + " && " + name_ + " script > out 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << read_text(folder_ / "out");
    std::vector<std::string> lines;
    std::istringstream stream(read_text(folder_ / "out"));
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::string name_;
  TemporaryFolder folder_;
};

/// What bash would offer at the end of `line`: the part behind the last of its word breaks.
std::vector<std::string> bash_answers(const Shell& bash, const std::string& line) {
  return bash.run("source ./completion\nCOMP_LINE='" + line +
                  "'\nCOMP_POINT=${#COMP_LINE}\n"
                  "COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\n_quantbench\n"
                  "for each in \"${COMPREPLY[@]}\"; do echo \"$each\"; done\n");
}

TEST(Completion, BashCompletesCommandsOptionsAndValues) {
  const Shell bash("bash");
  EXPECT_THAT(bash_answers(bash, "quantbench perp"), ElementsAre("perplexity"));
  EXPECT_THAT(bash_answers(bash, "quantbench --ver"), ElementsAre("--version"));
  EXPECT_THAT(bash_answers(bash, "quantbench "), IsSupersetOf({"run", "diff", "doctor", "--help"}));
  EXPECT_THAT(bash_answers(bash, "quantbench run --shard"), ElementsAre("--shard"));
  EXPECT_THAT(bash_answers(bash, "quantbench run x.yaml --is"), ElementsAre("--isa"));
  EXPECT_THAT(bash_answers(bash, "quantbench kernels --device c"), ElementsAre("cpu", "cuda"));
  EXPECT_THAT(bash_answers(bash, "quantbench kernels --device=cu"), ElementsAre("cuda"));
  EXPECT_THAT(bash_answers(bash, "quantbench completion "), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(bash_answers(bash, "quantbench list fo"), ElementsAre("formats"));
  EXPECT_THAT(bash_answers(bash, "quantbench diff rep"), ElementsAre("report.json"));
  EXPECT_THAT(bash_answers(bash, "quantbench run --threads "), ElementsAre()) << "a number";
}

TEST(Completion, BashPutsTogetherWhatItHasSplitAtColons) {
  const Shell bash("bash");
  EXPECT_THAT(bash_answers(bash, "quantbench inspect embedded:st"), ElementsAre("stories"));
  EXPECT_THAT(bash_answers(bash, "quantbench inspect emb"), ElementsAre("embedded:stories"));
  EXPECT_THAT(bash_answers(bash, "quantbench quantize m.gguf o.gguf --method rtn:q4_"), Contains("q4_0"));
  EXPECT_THAT(bash_answers(bash, "quantbench quantize m.gguf o.gguf --method=rtn:q4_"), Contains("q4_0"));
  EXPECT_THAT(bash_answers(bash, "quantbench allocate s.json --formats q4_k,q6"), ElementsAre("q4_k,q6_k"));
}

TEST(Completion, FishCompletesCommandsOptionsAndValues) {
  if (!installed("fish")) GTEST_SKIP() << "there is no fish";
  const Shell fish("fish");
  const auto answers = [&fish](const std::string& line) {
    return fish.run("source ./completion\ncomplete -C '" + line + "' | string replace -r '\\t.*' ''; true\n");
  };
  EXPECT_THAT(answers("quantbench perp"), ElementsAre("perplexity"));
  EXPECT_THAT(answers("quantbench run --shard"), ElementsAre("--shard"));
  EXPECT_THAT(answers("quantbench kernels --device c"), ElementsAre("cpu", "cuda"));
  EXPECT_THAT(answers("quantbench completion "), ElementsAre("bash", "fish", "zsh"));
}

TEST(Completion, ZshReadsTheScript) {
  if (!installed("zsh")) GTEST_SKIP() << "there is no zsh";
  const Shell zsh("zsh");
  EXPECT_THAT(zsh.run("zsh -n ./completion\nautoload -U compinit\ncompinit -u -d ./dump\nsource ./completion\n"
                      "echo $_comps[quantbench]\n"),
              ElementsAre("_quantbench"));
}

TEST(ManualPage, HasEveryCommandAndOption) {
  const std::string page = manual_page(whole_tree(), "1.2.3");
  for (const char* heading : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "SEE ALSO"})
    EXPECT_THAT(page, HasSubstr(std::string("\n.SH ") + heading + "\n"));
  EXPECT_THAT(page, HasSubstr("quantbench 1.2.3"));
  for (const CommandSummary& command : whole_tree().commands)
    EXPECT_THAT(page, HasSubstr("\n.SS " + command.name + "\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-dry\\-run\\fR"));
  for (const char* heading : {"EXAMPLES", "EXIT STATUS"})
    EXPECT_THAT(run_program("man").output, HasSubstr(std::string("\n.SH ") + heading + "\n"));
}

TEST(ManualPage, FormatsWithoutWarnings) {
  if (!installed("groff")) GTEST_SKIP() << "there is no groff";
  const TemporaryFolder folder;
  write_text_atomically(folder / "page.1", run_program("man").output);
  const std::string command =
      "groff -man -ww -z -Tutf8 " + (folder / "page.1").string() + " > " + (folder / "warnings").string() + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_text(folder / "warnings"), "");
}

}  // namespace
}  // namespace quantbench
