#include "eval/compare/gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view yaml) {
  try {
    parse_gates(yaml, "gates.yaml");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Gates, OverridesByPatternReplaceAWholeGate) {
  const Gates gates = parse_gates(
      "missing: ignore\n"
      "gates:\n"
      "  relative_rmse: {max: 0.5, max_increase_percent: 1}\n"
      "  mean_kld: {max: 0.1}\n"
      "methods:\n"
      "  'absmax:int2:*': {relative_rmse: {max_increase: 0.02}, mean_kld: off}\n"
      "  '*:g32': {relative_rmse: {max: 0.9}}\n",
      "gates.yaml");
  EXPECT_FALSE(gates.missing_fails);
  EXPECT_EQ(gates.find(GateMetric::relative_rmse, "f32")->max, 0.5);
  EXPECT_EQ(gates.find(GateMetric::relative_rmse, "f32")->max_increase_percent, 1);
  const auto overridden = gates.find(GateMetric::relative_rmse, "absmax:int2:g64");
  EXPECT_EQ(overridden->max_increase, 0.02);
  EXPECT_FALSE(overridden->max);
  EXPECT_FALSE(gates.find(GateMetric::mean_kld, "absmax:int2:g64"));
  EXPECT_EQ(gates.find(GateMetric::relative_rmse, "absmax:int2:g32")->max, 0.9);  // the later pattern wins
  EXPECT_FALSE(gates.find(GateMetric::bits_per_weight, "f32"));
}

TEST(Gates, PairedIsAnOptionOfWhatIsMeasuredTokenByToken) {
  EXPECT_TRUE(
      parse_gates("gates: {perplexity_ratio: {max: 1.01}}", "g").find(GateMetric::perplexity_ratio, "x")->paired);
  EXPECT_FALSE(parse_gates("gates: {perplexity_ratio: {max: 1.01, paired: false}}", "g")
                   .find(GateMetric::perplexity_ratio, "x")
                   ->paired);
  EXPECT_FALSE(parse_gates("gates: {mean_kld: {max: 1, paired: false}}", "g").find(GateMetric::mean_kld, "x")->paired);
  EXPECT_THAT(error_of("gates: {relative_rmse: {max: 1, paired: false}}"),
              HasSubstr("unknown key 'paired' in relative_rmse"));
}

TEST(Gates, SayWhatIsHardAndWhatInconclusiveMeans) {
  const Gates gates = parse_gates(
      "inconclusive: fail\n"
      "confidence: 97.5\n"
      "gates:\n"
      "  mean_kld: {max_increase_percent: 5, inconclusive: pass, hard: false}\n"
      "  perplexity_ratio: {max: 1.01}\n",
      "gates.yaml");
  EXPECT_EQ(gates.inconclusive, OnInconclusive::fail);
  EXPECT_DOUBLE_EQ(gates.confidence, 0.975);
  EXPECT_EQ(gates.find(GateMetric::mean_kld, "x")->inconclusive, OnInconclusive::pass);
  EXPECT_FALSE(gates.find(GateMetric::mean_kld, "x")->hard);
  EXPECT_FALSE(gates.find(GateMetric::perplexity_ratio, "x")->inconclusive);
  EXPECT_TRUE(gates.find(GateMetric::perplexity_ratio, "x")->hard);
  EXPECT_EQ(parse_gates("gates: {mean_kld: {max: 1}}", "g").inconclusive, OnInconclusive::warn);
  EXPECT_EQ(parse_gates("gates: {mean_kld: {max: 1}}", "g").confidence, 0.99);
  EXPECT_THAT(error_of("inconclusive: maybe\ngates: {mean_kld: {max: 1}}"), HasSubstr("expected fail, warn or pass"));
  EXPECT_THAT(error_of("confidence: 100\ngates: {mean_kld: {max: 1}}"), HasSubstr("expected 80 to 99.9"));
}

TEST(Gates, ListsOfTensorsAreDemands) {
  const Gates gates = parse_gates(
      "gates:\n"
      "  substitutions: none\n"
      "  tensor_formats: {demand: same, hard: false}\n"
      "  tensor_relative_rmse: {max_increase_percent: 1}\n"
      "methods: {'*_k': {substitutions: same, tensor_formats: off}}\n",
      "gates.yaml");
  EXPECT_EQ(gates.find(GateMetric::substitutions, "q4_0")->demand, "none");
  EXPECT_EQ(gates.find(GateMetric::substitutions, "q4_k")->demand, "same");
  EXPECT_FALSE(gates.find(GateMetric::tensor_formats, "q4_0")->hard);
  EXPECT_FALSE(gates.find(GateMetric::tensor_formats, "q4_k"));
  EXPECT_EQ(gates.find(GateMetric::tensor_relative_rmse, "q4_k")->max_increase_percent, 1);
  EXPECT_THAT(error_of("gates: {tensor_formats: none}"), HasSubstr("tensor_formats is 'none', expected same or off"));
  EXPECT_THAT(error_of("gates: {substitutions: some}"), HasSubstr("expected none, same or off"));
  EXPECT_THAT(error_of("gates: {substitutions: {hard: true}}"), HasSubstr("has no demand"));
}

TEST(Gates, KernelsHaveLimitsByPattern) {
  const Gates gates = parse_gates(
      "throughput: {max_slowdown_percent: 5}\n"
      "kernels:\n"
      "  'matmul/*': off\n"
      "  '*threads:1': {max_slowdown_percent: 2, min_slowdown_microseconds: 0.5, confidence: 90, hard: true, "
      "inconclusive: fail}\n",
      "gates.yaml");
  EXPECT_EQ(gates.find_speed("matvec/q4_0/avx2 8x8x1 threads:2")->max_slowdown_percent, 5);
  EXPECT_EQ(gates.find_speed("matvec/q4_0/avx2 8x8x1 threads:2")->min_slowdown_microseconds, 1);
  EXPECT_FALSE(gates.find_speed("matvec/q4_0/avx2 8x8x1 threads:2")->hard);
  EXPECT_FALSE(gates.find_speed("matmul/q4_0/avx2 8x8x9 threads:2"));
  EXPECT_TRUE(gates.find_speed("matmul/q4_0/avx2 8x8x9 threads:1")->hard);
  EXPECT_DOUBLE_EQ(gates.find_speed("matmul/q4_0/avx2 8x8x9 threads:1")->confidence, 0.9);
  EXPECT_THAT(error_of("throughput: {hard: true}"), HasSubstr("has no limit; give max_slowdown_percent"));
  EXPECT_THAT(error_of("throughput: {max_slowdown_percnt: 3}"), HasSubstr("did you mean max_slowdown_percent?"));
}

TEST(Gates, DefaultsCoverEveryMetric) {
  for (const GateMetric metric :
       {GateMetric::bits_per_weight, GateMetric::substitutions, GateMetric::tensor_formats, GateMetric::relative_rmse,
        GateMetric::tensor_relative_rmse, GateMetric::perplexity_ratio, GateMetric::mean_kld})
    EXPECT_TRUE(default_gates().find(metric, "q4_0"));
  EXPECT_FALSE(default_gates().find_speed("matvec")->hard);
}

TEST(Gates, TheExampleOfTheConfigsIsRead) {
  const Gates gates = read_gates(QUANTBENCH_SOURCE_DIR "/configs/ci/gates.yaml");
  EXPECT_EQ(gates.find(GateMetric::mean_kld, "absmax:int8:g32")->max, 0.001);
  EXPECT_FALSE(gates.find(GateMetric::mean_kld, "rtn:q4_0")->max);
  EXPECT_EQ(gates.find(GateMetric::substitutions, "rtn:q4_0")->demand, "none");
}

TEST(Gates, ErrorsNameFileLineAndNearMatch) {
  EXPECT_EQ(error_of("gates:\n  relative_rsme: {max: 1}\n"),
            "gates.yaml:2:3: unknown key 'relative_rsme' in gates; did you mean relative_rmse?");
  EXPECT_THAT(error_of("gates:\n  mean_kld:\n    max_increas: 1\n"),
              HasSubstr("gates.yaml:3:5: unknown key 'max_increas' in mean_kld; did you mean max_increase"));
  EXPECT_THAT(error_of("gate: {}\n"),
              HasSubstr("gates.yaml:1:1: unknown key 'gate' in the gates file; did you mean gates?"));
}

TEST(Gates, MalformedFilesAreErrors) {
  for (const char* malformed :
       {"", "gates: [1, 2]", "missing: fail", "missing: maybe\ngates: {mean_kld: {max: 1}}", "gates: {mean_kld: 3}",
        "gates: {mean_kld: {max: 1", "gates:\n\tmean_kld: 1", "gates: {perplexity_ratio: {max: 1, paired: maybe}}"})
    EXPECT_THAT(error_of(malformed), testing::StartsWith("gates.yaml")) << malformed;
  EXPECT_THAT(error_of("gates:\n  mean_kld: {max: 1}\n  mean_kld: {max: 2}\n"), HasSubstr("gates.yaml:3:3: "));
  EXPECT_THAT(error_of("gates: {mean_kld: {}}"), HasSubstr("has no limit"));
  for (const char* number : {"-1", ".nan", ".inf", "1e400", "soon", "[1]", "nan", "inf", "''"})
    EXPECT_THAT(error_of(fmt::format("gates: {{mean_kld: {{max: {}}}}}", number)), HasSubstr("is not a number >= 0"))
        << number;
}

}  // namespace
}  // namespace quantbench
