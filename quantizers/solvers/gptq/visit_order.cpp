#include "quantizers/solvers/gptq/visit_order.h"

#include <algorithm>
#include <functional>

namespace quantbench::gptq {
namespace {

using Columns = std::vector<std::size_t>;

/// Columns that stay together, by the sum of their diagonal.
struct Atom {
  std::size_t first = 0, count = 0;
  double importance = 0;
};
using Atoms = std::vector<Atom>;

Atoms atoms_of(std::size_t together, std::span<const float> diagonal) {
  Atoms atoms;
  for (std::size_t column = 0; column < diagonal.size(); ++column) {
    if (column % together == 0) atoms.push_back({column});
    ++atoms.back().count;
    atoms.back().importance += static_cast<double>(diagonal[column]);
  }
  return atoms;
}

/// Largest first; of equals the first one.
void sort_by_importance(Atoms& atoms) { std::ranges::stable_sort(atoms, std::greater<>(), &Atom::importance); }

Atoms sorted_within_units(const Atoms& atoms, std::size_t unit) {
  std::vector<Atoms> units;
  for (const Atom& atom : atoms) {
    if (atom.first % unit == 0) units.emplace_back();
    units.back().push_back(atom);
  }
  for (Atoms& members : units) sort_by_importance(members);
  std::ranges::stable_sort(units, std::greater<>(), [](const Atoms& members) { return members.front().importance; });
  Atoms sorted;
  for (const Atoms& members : units) sorted.insert(sorted.end(), members.begin(), members.end());
  return sorted;
}

Columns order_columns(Order order, const Grouping& grouping, std::span<const float> diagonal) {
  Atoms atoms = atoms_of(grouping.together, diagonal);
  if (order == Order::within_groups) atoms = sorted_within_units(atoms, grouping.unit);
  if (order == Order::importance) sort_by_importance(atoms);
  Columns columns;
  for (const Atom& atom : atoms)
    for (std::size_t i = 0; i < atom.count; ++i) columns.push_back(atom.first + i);
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
  if (options.dynamic_group > 0) grouping = {.group = options.dynamic_group, .unit = options.dynamic_group};
  for (std::size_t* size : {&grouping.group, &grouping.unit})
    if (*size == 0 || *size > cols) *size = cols;
  VisitOrder order;
  order.grouping = grouping;
  order.column = order_columns(options.order, grouping, diagonal);
  for (std::size_t position = 0; position < cols; ++position)
    order.grid.push_back((options.dynamic_group > 0 ? position : order.column[position]) / grouping.group);
  order.grids = (cols + grouping.group - 1) / grouping.group;
  if (!options.static_grids && grouping.unit < cols) order.runs = find_runs(order);
  const bool aligned = !options.reference && !order.runs.empty();
  const std::size_t block = (options.block + grouping.together - 1) / grouping.together * grouping.together;
  order.blocks = aligned ? blocks_of_runs(order.runs, block) : cut({0, cols}, block);
  return order;
}

}  // namespace quantbench::gptq
