#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/commands/run_program_for_tests.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

TEST(DoctorCommand, NeverFailsAndAnswersInJson) {
  const ProgramResult text = run_program("doctor --quick");
  EXPECT_EQ(text.exit_code, 0) << text.errors;
  for (const char* name :
       {"instruction sets  ", "threads  ", "memory  ", "GPU  ", "disk  ", "open files  ", "embedded files  "})
    EXPECT_THAT(text.output, HasSubstr(name));
  EXPECT_THAT(text.output, testing::Not(HasSubstr("read bandwidth")));
  const auto json = nlohmann::json::parse(run_program("doctor --quick --json").output);
  EXPECT_EQ(json.at("checks").at(0).at("check"), "instruction sets");
  std::size_t warnings = 0;
  for (const auto& check : json.at("checks")) {
    EXPECT_LE(check.at("check").get<std::string>().size(), 16u) << "the column of names";
    EXPECT_EQ(check.at("verdict") == "warn", check.contains("advice"));
    warnings += check.at("verdict") == "warn" ? 1 : 0;
  }
  EXPECT_EQ(json.at("warnings"), warnings);
}

// What limits a process is told, and is a warning with what to do about it.
TEST(DoctorCommand, ShowsTheLimitsOfItsProcess) {
  const std::string program = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "quantbench").string();
  const ProgramResult result = run_program("--version; ulimit -n 64; " + program + " doctor --quick --json");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const auto json = nlohmann::json::parse(result.output.substr(result.output.find('\n')));
  bool found = false;
  for (const auto& check : json.at("checks")) {
    if (check.at("check") != "open files") continue;
    found = true;
    EXPECT_EQ(check.at("figures").at("limit"), 64);
    EXPECT_EQ(check.at("verdict"), "warn");
    EXPECT_EQ(check.at("advice"), "models in many files need one each: ulimit -n 1024");
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace quantbench
