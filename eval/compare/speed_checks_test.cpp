#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.h"
#include "eval/compare/compare.h"
#include "eval/compare/median_interval.h"

namespace quantbench {
namespace {

using testing::HasSubstr;

std::vector<double> one_to(int count) {
  std::vector<double> values;
  for (int i = count; i >= 1; --i) values.push_back(i);
  return values;
}

TEST(MedianInterval, RanksAreThoseOfTheTable) {
  // Ranks of the two-sided 95 % interval of the sign test, from printed tables.
  for (const auto& [count, rank] : {std::pair{6, 1}, {8, 1}, {9, 2}, {12, 3}, {15, 4}, {20, 6}, {25, 8}}) {
    const auto interval = median_interval(one_to(count), 0.95);
    ASSERT_TRUE(interval) << count;
    EXPECT_EQ(interval->lower, rank) << count;
    EXPECT_EQ(interval->upper, count + 1 - rank) << count;
    EXPECT_EQ(interval->median, (count + 1) / 2.0) << count;
  }
  EXPECT_FALSE(median_interval(one_to(5), 0.95)) << "two in 32 samples lie on one side: 6.25 %";
  EXPECT_FALSE(median_interval({}, 0.95));
  EXPECT_EQ(least_for_median_interval(0.95), 6u);
  EXPECT_EQ(least_for_median_interval(0.99), 8u);
}

const char* const kernel_id = "matvec/q4_0/avx2";

ReportFile round_of(double seconds, const std::string& name = "round.json") {
  ReportFile file;
  file.report.environment.cpu = "a processor";
  ThroughputReport kernel;
  kernel.id = kernel_id;
  kernel.shape = "4096x4096x1";
  kernel.seconds_median = seconds;
  file.report.kernels = {kernel};
  file.path = name;
  return file;
}

Rounds rounds_of(const std::vector<double>& base, const std::vector<double>& now) {
  Rounds rounds;
  for (const double seconds : base) rounds.base.push_back(round_of(seconds, "base.json"));
  for (const double seconds : now) rounds.now.push_back(round_of(seconds, "now.json"));
  return rounds;
}

Comparison compare(const Rounds& rounds, const std::string& gates = "throughput: {max_slowdown_percent: 5}") {
  return compare_reports(rounds.base.front(), rounds.now.front(), parse_gates(gates, "gates.yaml"), rounds);
}

GateCheck only(const Comparison& comparison) {
  EXPECT_EQ(comparison.checks.size(), 1u);
  return comparison.checks.at(0);
}

TEST(SpeedGate, WarnsWhenTheWholeIntervalIsSlower) {
  const Rounds rounds =
      rounds_of({1e-3, 1.1e-3, 1e-3, 0.9e-3, 1e-3, 1e-3}, {1.1e-3, 1.2e-3, 1.1e-3, 1e-3, 1.1e-3, 1.1e-3});
  const Comparison comparison = compare(rounds);
  const GateCheck check = only(comparison);
  EXPECT_EQ(check.verdict, Verdict::warning);
  EXPECT_EQ(check.method, "matvec/q4_0/avx2 4096x4096x1 threads:1");
  EXPECT_NEAR(*check.now, 1.1e-3, 1e-12);
  EXPECT_NEAR(check.interval->lower, 1e-3 * 1.2 / 1.1, 1e-12) << "the least ratio of the six rounds";
  EXPECT_FALSE(comparison.fails()) << "speed is a soft gate";
  EXPECT_EQ(comparison.verdict(), Verdict::pass);
  EXPECT_TRUE(compare(rounds, "throughput: {max_slowdown_percent: 5, hard: true}").fails());
  EXPECT_EQ(only(compare(rounds, "throughput: {max_slowdown_percent: 25}")).verdict, Verdict::pass);
}

TEST(SpeedGate, ASlowdownBelowTheFloorPasses) {
  const Rounds rounds = rounds_of(std::vector<double>(6, 2e-6), std::vector<double>(6, 2.5e-6));  // 25 %, and 0.5 us
  const GateCheck check = only(compare(rounds, "throughput: {max_slowdown_percent: 5, hard: true}"));
  EXPECT_EQ(check.verdict, Verdict::pass);
  EXPECT_THAT(check.note, HasSubstr("the limit is 1 us"));
  EXPECT_EQ(only(compare(rounds, "throughput: {max_slowdown_percent: 5, min_slowdown_microseconds: 0.1, hard: true}"))
                .verdict,
            Verdict::regression);
}

TEST(SpeedGate, OneSlowRoundIsInconclusive) {
  const GateCheck check =
      only(compare(rounds_of(std::vector<double>(6, 1e-3), {1e-3, 2e-3, 1.2e-3, 1.2e-3, 1.2e-3, 1e-3})));
  EXPECT_EQ(check.verdict, Verdict::inconclusive);
  EXPECT_FALSE(check.fails);
}

TEST(SpeedGate, FewRoundsSayThatTheyAreFew) {
  const GateCheck check = only(compare(rounds_of(std::vector<double>(5, 1e-3), std::vector<double>(5, 2e-3))));
  EXPECT_EQ(check.verdict, Verdict::inconclusive);
  EXPECT_EQ(check.note, "5 rounds: an interval needs 6");
}

std::string error_of(const Rounds& rounds) {
  try {
    compare(rounds);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(SpeedGate, RefusesWhatIsNotInTurnOrNotOneMachine) {
  Rounds rounds = rounds_of({1, 1, 1}, {1, 1});
  EXPECT_THAT(error_of(rounds), HasSubstr("3 rounds of the base and 2 of the new program"));
  rounds = rounds_of({1, 1}, {1, 1});
  rounds.now[1].report.environment.cpu = "another";
  EXPECT_THAT(error_of(rounds),
              HasSubstr("the processor differs: base.json has 'a processor', now.json has 'another'"));
  rounds = rounds_of({1, 1}, {1, 0});
  EXPECT_THAT(error_of(rounds), HasSubstr("is 0, which cannot be"));
}

TEST(SpeedGate, AKernelThatIsGoneIsNotOverlooked) {
  Rounds rounds = rounds_of(std::vector<double>(6, 1e-3), std::vector<double>(6, 1e-3));
  for (ReportFile& file : rounds.now) file.report.kernels[0].shape = "8x8x1";
  const Comparison comparison = compare(rounds);
  ASSERT_EQ(comparison.checks.size(), 2u);
  EXPECT_EQ(comparison.checks[0].verdict, Verdict::warning);
  EXPECT_EQ(comparison.checks[1].verdict, Verdict::not_checked) << "no baseline";
  EXPECT_EQ(
      only(compare(rounds_of({1, 1}, {1, 1}), "throughput: off\nkernels: {'*q4_0*': {max_slowdown_percent: 1}}")).limit,
      "max_slowdown_percent");
}

/// A call of 50 us on a machine whose speed wanders by tens of percent over minutes, with 3 % of noise in each measurement and a
/// neighbour who doubles the time of every tenth.
std::vector<double> noisy(std::mt19937_64& generator, std::size_t rounds, double drift_phase, double slowdown) {
  const auto uniform = [&] { return static_cast<double>(generator() >> 11) * 0x1p-53; };
  std::vector<double> seconds;
  for (std::size_t i = 0; i < rounds; ++i) {
    const double drift = 1 + 0.3 * std::sin(drift_phase + static_cast<double>(i) / 3);
    const double neighbour = uniform() < 0.1 ? 2 : 1;
    seconds.push_back(50e-6 * slowdown * drift * neighbour * (1 + 0.03 * (uniform() + uniform() - 1)));
  }
  return seconds;
}

TEST(SpeedGate, NoiseAloneNeverFailsEvenWhenTheGateIsHard) {
  std::mt19937_64 generator(5);
  int warnings = 0, caught = 0;
  for (int comparison = 0; comparison < 300; ++comparison) {
    const double phase = comparison;
    const std::string hard = "throughput: {max_slowdown_percent: 5, hard: true}";
    const auto judge = [&](double slowdown) {
      return compare(rounds_of(noisy(generator, 10, phase, 1), noisy(generator, 10, phase, slowdown)), hard).fails();
    };
    warnings += judge(1) ? 1 : 0;
    caught += judge(1.2) ? 1 : 0;
  }
  EXPECT_EQ(warnings, 0);
  EXPECT_GE(caught, 200) << "a fifth slower is mostly seen in ten rounds, with neighbours who double one time in ten";
}

}  // namespace
}  // namespace quantbench
