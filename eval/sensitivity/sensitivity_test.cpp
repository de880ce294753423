#include "eval/sensitivity/sensitivity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "eval/config/rules.h"
#include "eval/sensitivity/budget_allocation.h"
#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::ThrowsMessage;
using testing_support::TemporaryFolder;

FormatSensitivity figures(const std::string& format, std::uint64_t bytes, double error, double kld) {
  return {format, bytes, 2 * error, error, MeasuredDivergence{kld, 0.9 * kld, 1.1 * kld}};
}

/// Two tensors of 256 weights: the second takes four times the harm of the first from an equal error.
Sensitivity two_tensors() {
  return {.origin = {.version = "1",
                     .model = "m",
                     .model_sha256 = "a",
                     .text = "t",
                     .text_sha256 = "b",
                     .protocol = "llamacpp-512",
                     .windows = 40,
                     .divergence_windows = 8,
                     .method = "q3_k"},
          .probe = "q3_k",
          .noise_floor = 1e-12,
          .tensors = {
              {"blk.0.a.weight",
               1,
               256,
               {figures("q2_k", 84, 0.04, 0.4), figures("q3_k", 110, 0.01, 0.1), figures("q4_k", 144, 0.002, 0.03)}},
              {"blk.0.b+c'd.weight",
               1,
               256,
               {figures("q2_k", 84, 0.05, 2.0), figures("q3_k", 110, 0.01, 0.4), figures("q4_k", 144, 0.003, 0.08)}}}};
}

TEST(Sensitivity, TheEstimateScalesTheDivergenceOfTheProbeByTheErrors) {
  const Sensitivity sensitivity = two_tensors();
  const TensorSensitivity& tensor = sensitivity.tensors[1];
  EXPECT_DOUBLE_EQ(*tensor.estimate(*tensor.find("q2_k"), "q3_k"), 0.4 * 0.05 / 0.01);
  EXPECT_DOUBLE_EQ(*tensor.estimate(*tensor.find("q3_k"), "q3_k"), 0.4);
  EXPECT_EQ(tensor.find("q6_k"), nullptr);
  EXPECT_FALSE(tensor.estimate(tensor.formats[0], "q6_k"));
}

TEST(Sensitivity, CorrelationsAreOverAllPairsButTheProbe) {
  const auto correlations = correlate_estimates(two_tensors());
  ASSERT_EQ(correlations.size(), 4U);
  for (const EstimateCorrelation& each : correlations) EXPECT_EQ(each.pairs, 4U) << each.estimate;
  // Errors 0.04 0.002 0.05 0.003 against 0.4 0.03 2.0 0.08: the same order.
  EXPECT_DOUBLE_EQ(*correlations[1].spearman, 1);
  EXPECT_DOUBLE_EQ(*correlations[1].spearman_within_format, 1);
  // Estimates 0.4 0.02 2.0 0.12: against the measured ones, by the formula with numpy.
  EXPECT_NEAR(*correlations[3].pearson, 0.9997311850911845, 1e-12);
}

TEST(Sensitivity, AFileIsReadAsItWasWritten) {
  const TemporaryFolder folder;
  Sensitivity sensitivity = two_tensors();
  sensitivity.tensors[0].formats[0].kld.reset();
  sensitivity.tensors[0].formats[1].full_error.reset();
  write_text_atomically(folder / "s.json", to_json(sensitivity));
  const Sensitivity read = read_sensitivity(folder / "s.json");
  EXPECT_EQ(to_json(read), to_json(sensitivity));
  EXPECT_EQ(read.origin, sensitivity.origin);
  EXPECT_FALSE(read.tensors[0].formats[0].kld);
  EXPECT_EQ(read.tensors[1].formats[2].kld->upper, 1.1 * 0.08);
}

TEST(Sensitivity, ForeignFilesAreErrorsThatNameThem) {
  const TemporaryFolder folder;
  write_text_atomically(folder / "s.json", "{\"sensitivity_version\": 99}");
  EXPECT_THAT([&] { read_sensitivity(folder / "s.json"); },
              ThrowsMessage<Error>(HasSubstr("s.json: sensitivity_version is 99")));
  write_text_atomically(folder / "s.json", "{\"cells\": []}");
  EXPECT_THAT([&] { read_sensitivity(folder / "s.json"); },
              ThrowsMessage<Error>(HasSubstr("s.json is not what `quantbench sensitivity` writes")));
}

TEST(BudgetAllocation, TheTensorThatSuffersMoreGetsTheBits) {
  const Sensitivity sensitivity = two_tensors();
  // 84 + 144 bytes for 512 weights. By the divergences 0.4 + 0.08 is less than 0.03 + 2.0 and than 0.1 + 0.4.
  const std::uint64_t budget = budget_of(sensitivity, 8.0 * 228 / 512);
  EXPECT_EQ(budget, 228U);
  const BudgetAllocation allocation = allocate_budget(sensitivity, budget, {});
  EXPECT_THAT(allocation.formats,
              testing::ElementsAre(Pair("blk.0.a.weight", "q2_k"), Pair("blk.0.b+c'd.weight", "q4_k")));
  EXPECT_EQ(allocation.bytes, 228U);
  EXPECT_DOUBLE_EQ(allocation.bits_per_weight, 8.0 * 228 / 512);
  EXPECT_DOUBLE_EQ(allocation.predicted_divergence, 0.48);
  EXPECT_EQ(allocation.lower_bound, allocation.predicted_divergence);
}

TEST(BudgetAllocation, ByTheEstimateAndAmongTheFormatsAllowed) {
  Sensitivity sensitivity = two_tensors();
  const BudgetOptions estimated{.source = DivergenceSource::estimated, .formats = {}};
  EXPECT_NEAR(allocate_budget(sensitivity, 228, estimated).predicted_divergence, 0.1 + 0.4, 1e-12);
  const BudgetOptions one{.source = DivergenceSource::measured, .formats = {"q2_k"}};
  EXPECT_EQ(allocate_budget(sensitivity, 1000, one).bytes, 168U);
  for (FormatSensitivity& format : sensitivity.tensors[1].formats) format.kld.reset();
  EXPECT_THAT([&] { allocate_budget(sensitivity, 228, {}); },
              ThrowsMessage<Error>(HasSubstr("tensor 'blk.0.b+c'd.weight': no format that may be chosen")));
}

TEST(BudgetAllocation, ItsRulesMatchEachTensorAndNothingElse) {
  const TemporaryFolder folder;
  const BudgetAllocation allocation = allocate_budget(two_tensors(), 228, {});
  write_text_atomically(folder / "rules.yaml", rules_text(allocation, "remark", ""));
  const std::vector<TensorRule> rules = load_rules(folder / "rules.yaml");
  for (const auto& [tensor, format] : allocation.formats) {
    const TensorRule* rule = find_rule(rules, tensor);
    ASSERT_NE(rule, nullptr) << tensor;
    EXPECT_EQ(rule->format, format);
  }
  EXPECT_EQ(find_rule(rules, "blk.0.aXweight"), nullptr);
  EXPECT_EQ(find_rule(rules, "xblk.0.a.weight"), nullptr);
  EXPECT_EQ(find_rule(rules, "blk.0.a.weight2"), nullptr);
  const auto sets = read_rule_sets(*parse_yaml(rules_text(allocation, "remark", "small"), "test").find("rules"));
  EXPECT_EQ(to_string(sets.at("small")), to_string(rules));
}

}  // namespace
}  // namespace quantbench
