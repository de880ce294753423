#include "eval/runner/shards.h"

#include <algorithm>
#include <numeric>

namespace quantbench {
namespace {

/// Of a cell, at assumed speeds.
struct Weight {
  double seconds = 0;
  double others_seconds = 0;  // when another cell of the shard has made the statistics
  bool keeps_statistics = false;
};

Weight weight_of(const PlannedCell& cell) {
  Work others = cell.work;
  if (cell.keeps_statistics) others.calibrating = others.moments = 0;
  return {assumed_seconds(cell), predicted_seconds(others, {}).total(), cell.keeps_statistics};
}

struct Load {
  double seconds = 0;
  std::size_t cells = 0;
  bool keeps_statistics = false;

  double with(const Weight& cell) const { return seconds + (keeps_statistics ? cell.others_seconds : cell.seconds); }
};

std::vector<std::size_t> largest_first(const std::vector<Weight>& weights) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t index) { return weights[index].seconds; });
  return order;
}

}  // namespace

double assumed_seconds(const PlannedCell& cell) { return predicted_seconds(cell.work, {}).total(); }

std::vector<std::size_t> assign_shards(const Plan& plan, std::size_t count) {
  std::vector<Load> loads(count);
  std::vector<std::size_t> shards(plan.cells.size());
  std::vector<Weight> weights;
  for (const PlannedCell& cell : plan.cells) weights.push_back(weight_of(cell));
  for (const std::size_t index : largest_first(weights)) {
    const Weight& cell = weights[index];
    // Of equal loads the one with fewer cells: work may be 0.
    const auto least =
        std::ranges::min_element(loads, {}, [&](const Load& load) { return std::pair(load.with(cell), load.cells); });
    *least = {least->with(cell), least->cells + 1, least->keeps_statistics || cell.keeps_statistics};
    shards[index] = static_cast<std::size_t>(least - loads.begin()) + 1;
  }
  return shards;
}

}  // namespace quantbench
