#include "quantizers/solvers/gptq/visit_order.h"

#include <algorithm>
#include <numeric>

namespace quantbench::gptq {
namespace {

using Columns = std::vector<std::size_t>;

/// Largest first; of equals the first one.
auto by_importance(std::span<const float> diagonal) {
  return [diagonal](std::size_t a, std::size_t b) { return diagonal[a] > diagonal[b]; };
}

Columns order_within_groups(std::size_t group, std::span<const float> diagonal) {
  std::vector<Columns> groups;
  for (std::size_t column = 0; column < diagonal.size(); ++column) {
    if (column % group == 0) groups.emplace_back();
    groups.back().push_back(column);
  }
  for (Columns& columns : groups) std::ranges::stable_sort(columns, by_importance(diagonal));
  std::ranges::stable_sort(groups, by_importance(diagonal), [](const Columns& columns) { return columns.front(); });
  Columns order;
  for (const Columns& columns : groups) order.insert(order.end(), columns.begin(), columns.end());
  return order;
}

Columns order_columns(Order order, std::size_t group, std::span<const float> diagonal) {
  if (order == Order::within_groups) return order_within_groups(group, diagonal);
  Columns columns(diagonal.size());
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  if (order == Order::importance) std::ranges::stable_sort(columns, by_importance(diagonal));
  return columns;
}

std::vector<Run> find_runs(const VisitOrder& order) {
  const std::size_t grids_of_unit = order.grouping.unit / order.grouping.group;
  std::vector<Run> runs;
  for (std::size_t position = 0; position < order.grid.size(); ++position) {
    const std::size_t unit = order.grid[position] / grids_of_unit;
    if (runs.empty() || runs.back().unit != unit) runs.push_back({{position, position}, unit});
    runs.back().positions.end = position + 1;
  }
  return runs;
}

std::vector<Positions> cut(Positions positions, std::size_t size) {
  std::vector<Positions> pieces;
  for (std::size_t begin = positions.begin; begin < positions.end; begin += size)
    pieces.push_back({begin, std::min(begin + size, positions.end)});
  return pieces;
}

std::vector<Positions> blocks_of_runs(const std::vector<Run>& runs, std::size_t size) {
  std::vector<Positions> blocks;
  bool open = false;  // the last block consists of whole runs, and there may be room for another
  for (const Run& run : runs) {
    if (open && run.positions.end - blocks.back().begin <= size) {
      blocks.back().end = run.positions.end;
      continue;
    }
    const std::vector<Positions> pieces = cut(run.positions, size);
    blocks.insert(blocks.end(), pieces.begin(), pieces.end());
    open = pieces.size() == 1;
  }
  return blocks;
}

}  // namespace

VisitOrder make_order(const Options& options, Grouping grouping, std::span<const float> diagonal) {
  const std::size_t cols = diagonal.size();
  if (options.dynamic_group > 0) grouping = {options.dynamic_group, options.dynamic_group};
  for (std::size_t* size : {&grouping.group, &grouping.unit})
    if (*size == 0 || *size > cols) *size = cols;
  VisitOrder order;
  order.grouping = grouping;
  order.column = order_columns(options.order, grouping.unit, diagonal);
  for (std::size_t position = 0; position < cols; ++position)
    order.grid.push_back((options.dynamic_group > 0 ? position : order.column[position]) / grouping.group);
  order.grids = (cols + grouping.group - 1) / grouping.group;
  if (!options.static_grids && grouping.unit < cols) order.runs = find_runs(order);
  const bool aligned = !options.reference && !order.runs.empty();
  order.blocks = aligned ? blocks_of_runs(order.runs, options.block) : cut({0, cols}, options.block);
  return order;
}

}  // namespace quantbench::gptq
