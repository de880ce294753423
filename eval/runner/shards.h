// Which process of several runs which cells of a plan.
#pragma once

#include <cstddef>
#include <vector>

#include "eval/runner/plan.h"

namespace quantbench {

/// Of one cell at assumed speeds.
double assumed_seconds(const PlannedCell& cell);

/// For every cell of the plan the number of its shard, from 1 to `count`. The largest cells are dealt first, each to the shard
/// with the least to do so far (longest processing time first: at most 4/3 of the best possible longest shard); a cell that
/// can use statistics which its shard makes anyway counts without them. Cells weigh what they would take at assumed speeds
/// (eval/runner/machine_speed.h): the answer depends on the plan alone, neither on what is finished nor on the machine, so that
/// processes that start at different times in different places agree.
std::vector<std::size_t> assign_shards(const Plan& plan, std::size_t count);

}  // namespace quantbench
