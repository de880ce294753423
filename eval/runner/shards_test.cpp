#include "eval/runner/shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace quantbench {
namespace {

Plan plan_of(const std::vector<double>& works) {
  Plan plan;
  for (const double work : works) plan.cells.emplace_back().work.evaluating = work;
  return plan;
}

double longest(const Plan& plan, const std::vector<std::size_t>& shards, std::size_t count) {
  std::vector<double> loads(count);
  for (std::size_t i = 0; i < shards.size(); ++i) loads[shards[i] - 1] += plan.cells[i].work.evaluating;
  return *std::ranges::max_element(loads);
}

/// Of all ways to deal the cells.
double best_longest(const Plan& plan, std::size_t count) {
  double best = INFINITY;
  std::vector<std::size_t> shards(plan.cells.size(), 1);
  for (;;) {
    best = std::min(best, longest(plan, shards, count));
    std::size_t digit = 0;
    while (digit < shards.size() && ++shards[digit] > count) shards[digit++] = 1;
    if (digit == shards.size()) return best;
  }
}

TEST(Shards, TheLongestIsNearTheBestPossible) {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    std::vector<double> works;
    for (int i = 0; i < 7; ++i) works.push_back(1 + static_cast<double>(random() % 100));
    const Plan plan = plan_of(works);
    for (const std::size_t count : {1u, 2u, 3u})
      EXPECT_LE(longest(plan, assign_shards(plan, count), count), 4.0 / 3 * best_longest(plan, count) + 1e-9);
  }
}

TEST(Shards, OrdersAsByHand) {
  EXPECT_THAT(assign_shards(plan_of({1, 6, 2, 4, 3}), 2), testing::ElementsAre(2, 1, 1, 2, 2)) << "6+2 and 4+3+1";
}

TEST(Shards, CellsOfUnknownWorkAreSpread) {
  EXPECT_THAT(assign_shards(plan_of({0, 0, 0, 0}), 2), testing::ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(assign_shards(plan_of({1}), 3), testing::ElementsAre(1));
  EXPECT_THAT(assign_shards(plan_of({}), 3), testing::IsEmpty());
}

TEST(Shards, PredictedSecondsDoNotMatter) {
  Plan plan = plan_of({1, 5, 2, 4, 3});
  const auto before = assign_shards(plan, 2);
  for (PlannedCell& cell : plan.cells) cell.seconds.measuring = 100 / cell.work.evaluating;
  EXPECT_EQ(assign_shards(plan, 2), before) << "they change when cells finish";
}

TEST(Shards, CellsThatShareStatisticsComeTogether) {
  // Four that share statistics worth 8 of their 10, and one of 16: together they are 10 + 3 * 2.
  Plan plan = plan_of({2, 2, 2, 2, 16});
  for (std::size_t i = 0; i < 4; ++i) {
    plan.cells[i].work.calibrating = 8;
    plan.cells[i].keeps_statistics = true;
  }
  EXPECT_THAT(assign_shards(plan, 2), testing::ElementsAre(2, 2, 2, 2, 1));
}

}  // namespace
}  // namespace quantbench
