#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "eval/command.h"
#include "eval/commands/terminal.h"
#include "eval/doctor/finding.h"
#include "eval/environment.h"
#include "eval/json_text.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;

struct DoctorArguments {
  bool quick = false, json = false;
};

std::vector<Finding> find_all(bool quick) {
  std::vector<Finding> all;
  for (const auto check : {check_processors, check_memory, check_gpu, check_storage, check_files})
    std::ranges::move(check(), std::back_inserter(all));
  if (!quick) std::ranges::move(check_speed(), std::back_inserter(all));
  return all;
}

std::size_t warnings_of(const std::vector<Finding>& findings) {
  return static_cast<std::size_t>(std::ranges::count_if(findings, &Finding::warns));
}

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<18}{}\n", finding.name, finding.text);
    if (finding.warns()) text += fmt::format("{:<18}warn: {}\n", "", finding.advice);
  }
  const std::size_t warnings = warnings_of(findings);
  return text + (warnings == 0 ? fmt::format("\nok: nothing stands in the way\n")
                               : fmt::format("\nwarn: {} of {} need a look\n", warnings, findings.size()));
}

std::string json_of(const std::vector<Finding>& findings) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    Json check{{"check", finding.name}, {"verdict", finding.warns() ? "warn" : "ok"}, {"text", finding.text}};
    if (finding.warns()) check["advice"] = finding.advice;
    check["figures"] = finding.figures;
    checks.push_back(std::move(check));
  }
  const Json document{{"version", quantbench_version()},
                      {"commit", quantbench_commit()},
                      {"warnings", warnings_of(findings)},
                      {"checks", checks}};
  return json_text(document);
}

int doctor(const DoctorArguments& arguments) {
  const std::vector<Finding> findings = find_all(arguments.quick);
  print_text(arguments.json ? json_of(findings) : text_of(findings));
  return 0;
}

std::function<int()> declare(CommandOptions& options) {
  auto arguments = std::make_shared<DoctorArguments>();
  options.add_flag("--quick", arguments->quick, "do not measure memory and arithmetic, which takes some seconds");
  options.add_flag("--json", arguments->json, "print JSON, with figures in bytes and operations per second");
  options.footer(
      "What is missing is told with how to get it, and is no failure: the exit code is 0 (docs/doctor.md).\n\n"
      "Examples:\n"
      "  quantbench doctor\n"
      "  quantbench doctor --quick --json | jq -r '.checks[] | select(.verdict == \"warn\").advice'");
  return [arguments] { return doctor(*arguments); };
}

const Register<Command> registered{
    "doctor", {"Show what this machine and this build offer, and what stands in the way", declare}};

}  // namespace
}  // namespace quantbench
