#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/commands/run_program_for_tests.h"
#include "eval/report.h"
#include "eval/testing/report_schema.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing_support::TinyExperiment;

TEST(ExplainCommand, NamesTheFactsThatDifferBetweenTwoProtocols) {
  const TinyExperiment tiny("[f32, 'rtn:q4_0']");
  const auto run = [&](const std::string& protocol) {
    const std::string out = (tiny.folder / protocol).string();
    const ProgramResult result = run_program("run " + (tiny.folder / "tiny.yaml").string() + " --threads 1 --out " +
                                             out + " --set dataset.protocol=" + protocol);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return out + "/report.json";
  };
  const std::string llamacpp = run("llamacpp-32"), gptq = run("gptq-32");
  EXPECT_EQ(schema_errors(read_text(llamacpp)), "");

  const ProgramResult one = run_program("explain " + llamacpp);
  EXPECT_EQ(one.exit_code, 0) << one.errors;
  EXPECT_THAT(one.output, HasSubstr("16 to 30 of each window"));
  EXPECT_THAT(one.output, HasSubstr("llamacpp-32"));
  EXPECT_THAT(one.output, HasSubstr("calibration.txt, sha256"));

  const ProgramResult two = run_program("explain --json " + llamacpp + " " + gptq);
  EXPECT_EQ(two.exit_code, 0) << two.errors;
  std::vector<std::string> facts;
  const auto document = nlohmann::json::parse(two.output);
  for (const auto& difference : document.at("differences")) facts.push_back(difference.at("fact"));
  EXPECT_THAT(facts, testing::ElementsAre("protocol", "scored positions", "scored in each window", "BOS tokens",
                                          "scored tokens"));
  EXPECT_FALSE(document.at("figures").empty());
}

TEST(ExplainCommand, BadInputIsExitCode2) {
  EXPECT_EQ(run_program("explain /nowhere/report.json").exit_code, 2);
  EXPECT_EQ(run_program("explain").exit_code, 2);
}

TEST(RunCommand, PrintsPublishedFiguresAndIsStrictWhenAsked) {
  const TinyExperiment tiny("[f32, 'rtn:q4_0']");
  const std::string config = (tiny.folder / "paper.yaml").string();
  write_text_atomically(config,
                        "include: tiny.yaml\nmodel_name: opt-125m\ndataset: {chunks: 0}\n"
                        "expectations:\n"
                        "  source: Somewhere, Table 1\n"
                        "  published:\n"
                        "    - {method: f32, values: {opt-125m: 0.5, opt-350m: 22}}\n"
                        "    - {method: 'rtn:q4_0', value: 4.5, metric: bits_per_weight, tolerance: 0}\n"
                        "  ordering: [{better: f32, worse: 'rtn:q4_0', metric: kld.mean}]\n");
  const std::string command = "run " + config + " --threads 1 --out " + (tiny.folder / "out").string();
  const ProgramResult result = run_program(command);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("outside"));
  EXPECT_THAT(result.output, HasSubstr("not measured: other model"));
  EXPECT_THAT(result.output, HasSubstr("holds"));
  const std::string json = read_text(tiny.folder / "out/report.json");
  EXPECT_EQ(schema_errors(json), "");
  const Report report = parse_report(json, "report.json");
  ASSERT_EQ(report.expectations.size(), 3u);
  EXPECT_EQ(report.expectations[0].verdict, "outside");
  EXPECT_EQ(report.expectations[2].verdict, "within");
  EXPECT_THAT(read_text(tiny.folder / "out/expectations.csv"), HasSubstr("Somewhere, Table 1"));
  EXPECT_THAT(read_text(tiny.folder / "out/report.md"), HasSubstr("Somewhere, Table 1"));

  const ProgramResult strict = run_program(command + " --set expectations.strict=true");
  EXPECT_EQ(strict.exit_code, 1) << strict.errors;
  EXPECT_THAT(strict.output, HasSubstr("2 from the store"));
}

}  // namespace
}  // namespace quantbench
