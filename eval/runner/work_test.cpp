#include "eval/runner/work.h"

#include <gtest/gtest.h>

#include "eval/testing/tiny_experiment.h"

namespace quantbench {
namespace {

using testing_support::TinyExperiment;

// The tiny model by hand: width 64, two query heads and one for keys and values of 32, 96 in the feed-forward network, one block.
constexpr double query = 64 * 64, key = 32 * 64, value = key, attention_output = 64 * 64;
constexpr double gate = 96 * 64, up = gate, down = 64 * 96;
constexpr double linear = query + key + value + attention_output + gate + up + down;
constexpr double text_tokens = 5 * 32, scored = 5 * 15, vocabulary = 259;
constexpr double calibration_tokens = 12 * 32;

TEST(Work, OfEvaluatingIsThatOfTheForwardPass) {
  const Work work = TinyExperiment("[f32]").plan.cells[0].work;
  EXPECT_EQ(work.evaluating, 2 * linear * text_tokens);
  EXPECT_EQ(work.output, 2 * scored * vocabulary * 64);
  EXPECT_EQ(work.logits, 2 * scored * vocabulary) << "KL divergence looks at those of the base, too";
  EXPECT_EQ(work.compared, linear);
  EXPECT_TRUE(work.encoded.empty()) << "the model is in f32";
  EXPECT_EQ(work.calibrating, 0);
}

TEST(Work, OfRoundingIsTheWeights) {
  const Work work = TinyExperiment("[f32, absmax:int4:g32]").plan.cells[1].work;
  EXPECT_EQ(work.encoded, (std::map<std::string, double>{{"absmax:int4:g32", linear}}));
  EXPECT_EQ(work.calibrating, 0);
}

TEST(Work, OfGptqIsTwoPassesOfTheTextAndTheProductsOfItsInputs) {
  const Work work = TinyExperiment("[f32, \"gptq:int4:g32\"]").plan.cells[1].work;
  EXPECT_EQ(work.calibrating, 2 * calibration_tokens * 2 * linear);
  EXPECT_EQ(work.moments, calibration_tokens * (3 * 64 * 64 + 96 * 96))
      << "one for each group of layers with one input";
  EXPECT_EQ(work.feedback, (linear - down) * 64 + down * 96);
  EXPECT_EQ(work.factoring, 6.0 * 64 * 64 * 64 + 96.0 * 96 * 96);
  EXPECT_EQ(work.searching, 0);
}

TEST(Work, OfAwqIsTheModulesOfEachGroupForEveryExponent) {
  const Work work = TinyExperiment("[f32, \"awq:int4:g32\"]").plan.cells[1].work;
  const double modules = 2 * (query + key + value + attention_output) + 2 * (gate + up + down) + 2 * down;
  EXPECT_EQ(work.searching, 21 * modules * calibration_tokens) << "the values of shared heads are not scaled";
  EXPECT_EQ(work.moments, 0);
  double encoded = 0;
  for (const auto& [method, weights] : work.encoded) encoded += weights;
  EXPECT_EQ(encoded, linear + 20 * (linear - attention_output));
}

TEST(Work, SharedIsTheBaseItsNoiseFloorAndTheCalibrationText) {
  const TinyExperiment tiny("[f32]");
  EXPECT_EQ(tiny.plan.shared_work.evaluating, 2 * 2 * linear * text_tokens) << "all five windows twice";
  EXPECT_EQ(tiny.plan.shared_work.logits, 3 * scored * vocabulary);
  EXPECT_EQ(tiny.plan.shared_work.calibrating, 2 * linear * calibration_tokens);
}

}  // namespace
}  // namespace quantbench
