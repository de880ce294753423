#include "eval/explain/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "eval/render/sample_report_for_tests.h"

namespace quantbench {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Report recorded_report() {
  Report report = sample_report();
  report.metrics = {{"kld", 1}, {"perplexity", 1}};
  report.tokenizer = TokenizerFacts{"llama", 2048, true};
  report.dataset_windows = WindowFacts{8, 32, 512, 512, 256, 255, 8};
  return report;
}

std::vector<std::string> names(const std::vector<FactDifference>& differences) {
  std::vector<std::string> all;
  for (const FactDifference& difference : differences) all.push_back(difference.first.name);
  return all;
}

TEST(Explain, EqualReportsDifferInNothing) {
  const Explanation explanation = explain_difference(recorded_report(), recorded_report());
  EXPECT_TRUE(explanation.differences.empty());
  EXPECT_TRUE(explanation.not_recorded.empty());
  EXPECT_TRUE(explanation.figures.empty());
  const ReportFile file{recorded_report(), "a.json"};
  EXPECT_THAT(explain_text(file, file, 0), HasSubstr("No recorded fact differs."));
}

TEST(Explain, NamesWhatAnotherProtocolChanges) {
  const Report first = recorded_report();
  Report second = first;
  second.protocol = "gptq-512";
  second.dataset_windows = WindowFacts{8, 32, 512, 512, 0, 511, 1};
  second.cells[0].perplexity->value = 4.5;
  const Explanation explanation = explain_difference(first, second);
  EXPECT_THAT(names(explanation.differences),
              ElementsAre("protocol", "scored positions", "scored in each window", "BOS tokens"));
  EXPECT_THAT(explanation.differences[0].affected.figures, ElementsAre("perplexity", "kld"));
  EXPECT_THAT(explanation.differences[0].affected.methods, Contains("f16"));
  ASSERT_EQ(explanation.figures.size(), 1u);
  EXPECT_EQ(explanation.figures[0].figure, "perplexity");
  EXPECT_EQ(explanation.figures[0].second, 4.5);
  EXPECT_THAT(explain_text({first, "a.json"}, {second, "b.json"}, 0),
              HasSubstr("Look first at: protocol (llamacpp-512 and gptq-512)."));
}

TEST(Explain, FilesDifferByTheirBytesAndNotByTheirNames) {
  const Report first = recorded_report();
  Report second = first;
  second.dataset_name = "renamed";
  EXPECT_TRUE(explain_difference(first, second).differences.empty());
  second.dataset_sha256 = std::string(64, '0');
  EXPECT_THAT(names(explain_difference(first, second).differences), ElementsAre("text"));
}

TEST(Explain, CalibrationAffectsTheCellsThatUseIt) {
  Report first = recorded_report();
  first.cells.push_back(sample_cell("gptq:int3:g128", 3.2, 0.1, 4.2, 0.02));
  Report second = first;
  const WindowFacts windows{4, 4, 512, 512, 0, 511, 1};
  first.calibration = CalibrationFacts{"a.txt", std::string(64, 'a'), "", "gptq-512", 2048, windows, true, false};
  second.calibration = first.calibration;
  second.calibration->sequential = false;
  const Explanation explanation = explain_difference(first, second);
  EXPECT_THAT(names(explanation.differences), ElementsAre("calibration flow"));
  EXPECT_THAT(explanation.differences[0].affected.methods, ElementsAre("gptq:int3:g128"));
  second.calibration.reset();
  EXPECT_THAT(names(explain_difference(first, second).differences), ElementsAre("calibration text"));
}

TEST(Explain, SubstitutedFormatsAreDifferencesOfTheCell) {
  Report first = recorded_report(), second = first;
  second.cells[0].tensors = {{"blk.0.attn_q.weight", "q5_0", 64, 128, 5.5, 0.07, 0.001, 0.01, 0.998, {}, "no fit"}};
  const Explanation explanation = explain_difference(first, second);
  ASSERT_THAT(names(explanation.differences), ElementsAre("absmax:int4:g32: substituted formats"));
  EXPECT_EQ(explanation.differences[0].second.shown, "1 of 1 tensors");
  EXPECT_THAT(explanation.differences[0].affected.methods, ElementsAre("absmax:int4:g32"));
}

// What an old report does not say is neither equal nor different; what its protocol's name says is known.
TEST(Explain, OldReportsAreReadAsFarAsTheyGo) {
  const Report recorded = recorded_report(), old = sample_report();
  const Explanation explanation = explain_difference(recorded, old);
  EXPECT_TRUE(explanation.differences.empty());
  EXPECT_THAT(explanation.not_recorded, Contains("BOS tokens"));
  EXPECT_THAT(explanation.not_recorded, Not(Contains("window length")));
  EXPECT_THAT(explain_text({old, "old.json"}, 0), HasSubstr("256 to 510 of each window"));
  EXPECT_THAT(explain_text({old, "old.json"}, 0), HasSubstr("not recorded"));
}

TEST(Explain, SaysSoWhenNoFactExplains) {
  const Report first = recorded_report();
  Report second = first;
  second.cells[1].perplexity->value = 4.001;
  EXPECT_THAT(explain_text({first, "a"}, {second, "b"}, 0), HasSubstr("no recorded fact does"));
  second.environment.threads = 7;
  EXPECT_THAT(explain_text({first, "a"}, {second, "b"}, 0), HasSubstr("no recorded fact does"));
  second.environment.isa = "scalar";
  EXPECT_THAT(explain_text({first, "a"}, {second, "b"}, 0), HasSubstr("Look first at: instruction set"));
}

TEST(Explain, TheWholeValueIsInJson) {
  const Report first = recorded_report();
  Report second = first;
  second.tokenizer_sha256 = std::string(64, '9');
  const auto one = nlohmann::json::parse(explain_json({first, "a.json"}));
  EXPECT_EQ(one.at("facts").at("text").at("value"), std::string(64, 'd'));
  EXPECT_EQ(one.at("facts").at("BOS tokens").at("value"), "8");
  EXPECT_EQ(one.at("cells").at(0).at("method"), "absmax:int4:g32");
  const auto two = nlohmann::json::parse(explain_json({first, "a.json"}, {second, "b.json"}));
  EXPECT_EQ(two.at("differences").at(0).at("fact"), "tokenizer");
  EXPECT_EQ(two.at("differences").at(0).at("second").at("value"), std::string(64, '9'));
  EXPECT_EQ(two.at("differences").at(0).at("affects").at("figures").at(0), "perplexity");
}

}  // namespace
}  // namespace quantbench
