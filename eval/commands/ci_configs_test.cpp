// What configs/ci/ tells CI systems to call must exist: files, commands and options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "eval/commands/run_program_for_tests.h"
#include "eval/compare/gates.h"
#include "eval/config/config.h"
#include "eval/config/yaml.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

const std::filesystem::path root = QUANTBENCH_SOURCE_DIR;

YamlNode parse_file(const std::filesystem::path& path) { return parse_yaml(read_text(path), path.string()); }

/// All texts below a node: what is written in `run:` and `script:` is among them.
void collect_texts(const YamlNode& node, std::vector<std::string>& texts) {
  if (node.kind == YamlNode::Kind::scalar) texts.push_back(node.text);
  for (const YamlNode& item : node.items) collect_texts(item, texts);
  for (const YamlNode::Member& member : node.members) collect_texts(member.value, texts);
}

struct Call {
  std::string command;
  std::set<std::string> options;
};

/// Calls of the program in shell text: `.../quantbench COMMAND ... --option`, up to the end of the command line.
std::vector<Call> calls_in(std::string text) {
  text = std::regex_replace(text, std::regex("\\\\\n"), " ");
  static const std::regex call("quantbench[\"}]* (run|compare|report|merge|explain|diff)\\b([^\n|;&]*)"),
      option("--[a-z][a-z-]*");
  std::vector<Call> calls;
  for (std::sregex_iterator found(text.begin(), text.end(), call), end; found != end; ++found) {
    const std::string arguments = (*found)[2];
    Call each{(*found)[1], {}};
    for (std::sregex_iterator name(arguments.begin(), arguments.end(), option), last; name != last; ++name)
      each.options.insert(name->str());
    calls.push_back(std::move(each));
  }
  return calls;
}

std::map<std::string, int> check_calls(const std::vector<std::string>& texts) {
  std::map<std::string, int> seen;
  for (const std::string& text : texts)
    for (const Call& call : calls_in(text)) {
      const std::string help = run_program(call.command + " --help").output;
      for (const std::string& option : call.options)
        EXPECT_TRUE(std::regex_search(help, std::regex(option + "\\b(?!-)"))) << call.command << " " << option;
      ++seen[call.command];
    }
  return seen;
}

TEST(CiConfigs, CallsAreFoundInShellText) {
  const std::vector<Call> calls =
      calls_in("a; \"$x\"/quantbench compare b c \\\n --json \"$d\" || e --no\n\"$quantbench\" run f --out g");
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].command, "compare");
  EXPECT_THAT(calls[0].options, testing::ElementsAre("--json"));
  EXPECT_THAT(calls[1].options, testing::ElementsAre("--out"));
}

TEST(CiConfigs, TheGitHubActionCallsWhatThereIs) {
  const YamlNode action = parse_file(root / "configs/ci/github/action.yml");
  action.check_keys("an action", std::vector<std::string>{"name", "description", "inputs", "outputs", "runs"});
  const YamlNode* runs = action.find("runs");
  EXPECT_EQ(runs->find("using")->text, "composite");
  std::vector<std::string> texts;
  for (const YamlNode& step : runs->find("steps")->as_list("steps")) {
    EXPECT_TRUE((step.find("run") != nullptr) != (step.find("uses") != nullptr));
    EXPECT_TRUE(step.find("run") == nullptr || step.find("shell") != nullptr) << "composite steps name their shell";
    collect_texts(step, texts);
  }
  const auto seen = check_calls(texts);
  EXPECT_EQ(seen, (std::map<std::string, int>{{"compare", 1}, {"run", 2}}));
  // Every ${{ inputs.x }} is declared, and every input is used.
  std::set<std::string> declared, used;
  for (const YamlNode::Member& input : action.find("inputs")->as_map("inputs")) declared.insert(input.key);
  static const std::regex input("inputs\\.([a-z-]+)");
  for (const std::string& text : texts)
    for (std::sregex_iterator found(text.begin(), text.end(), input), end; found != end; ++found)
      used.insert((*found)[1]);
  EXPECT_EQ(declared, used);
}

TEST(CiConfigs, TheGitLabJobsCallWhatThereIs) {
  const YamlNode jobs = parse_file(root / "configs/ci/gitlab.yml");
  std::vector<std::string> texts;
  for (const YamlNode::Member& job : jobs.as_map("jobs")) {
    EXPECT_THAT(job.key, testing::StartsWith("quantbench:"));
    EXPECT_NE(job.value.find("script"), nullptr);
    collect_texts(*job.value.find("script"), texts);
    for (const YamlNode::Member& variable : job.value.find("variables")->members) {
      const std::string& value = variable.value.text;
      EXPECT_TRUE(!value.starts_with("configs/") || std::filesystem::exists(root / value)) << value;
      EXPECT_TRUE(!value.starts_with("results/") || std::filesystem::exists(root / value)) << value;
    }
  }
  EXPECT_EQ(check_calls(texts), (std::map<std::string, int>{{"compare", 2}, {"run", 1}}));
}

TEST(CiConfigs, TheConfigsAndGatesAreRead) {
  EXPECT_GT(load_config(root / "configs/ci/quality_gate.yaml").methods.size(), 4u);
  EXPECT_TRUE(load_config(root / "configs/ci/throughput.yaml").measures("throughput"));
  EXPECT_TRUE(read_gates(root / "configs/ci/gates.yaml").find(GateMetric::mean_kld, "rtn:q4_0"));
  EXPECT_FALSE(read_gates(root / "configs/ci/speed_gates.yaml").find_speed("matvec/q4_0/avx2 8x8x1 threads:1")->hard);
}

/// The script with programs that only write down that they were called.
TEST(CiConfigs, InterleaveTakesTurns) {
  const testing_support::TemporaryFolder folder;
  for (const std::string name : {"a", "b"}) {
    write_text_atomically(folder / name,
                          fmt::format("#!/bin/sh\necho {} >> {}\necho \"$@\" > {}\n", name, (folder / "order").string(),
                                      (folder / (name + ".args")).string()));
    std::filesystem::permissions(folder / name, std::filesystem::perms::owner_all);
  }
  const std::string command = fmt::format("{}/scripts/interleave.sh {} {} c.yaml 3 {} > {} 2> /dev/null", root.string(),
                                          (folder / "a").string(), (folder / "b").string(), (folder / "out").string(),
                                          (folder / "printed").string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_text(folder / "order"), "a\nb\nb\na\na\nb\n");
  EXPECT_EQ(
      read_text(folder / "a.args"),
      fmt::format("run c.yaml --out {}/base/003 --fresh --set metrics=[throughput]\n", (folder / "out").string()));
  EXPECT_THAT(read_text(folder / "printed"), HasSubstr("/new/001/report.json,"));
  EXPECT_NE(std::system((root.string() + "/scripts/interleave.sh a b c 0 d 2> /dev/null").c_str()), 0);
}

}  // namespace
}  // namespace quantbench
