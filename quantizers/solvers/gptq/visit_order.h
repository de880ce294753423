// In which order GPTQ visits the columns of a layer, and which of them share a grid.
//
// A position is an index in that order; a column is an index in the weights as they are stored.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quantizers/solvers/gptq/options.h"

namespace quantbench::gptq {

/// Positions [begin, end).
struct Positions {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

/// Neighbouring positions whose grids are found when the loop reaches the first of them.
struct Run {
  Positions positions;
  std::size_t unit = 0;
};

/// Columns in groups, which share a grid, and in units, whose grids are found together. A unit is one group or, in formats with
/// super-blocks, one of these.
struct Grouping {
  std::size_t group = 0;  // 0: a whole row
  std::size_t unit = 0;   // likewise; a multiple of the group
  std::size_t together =
      1;  // columns that are visited one after the other in any order: those of an octet of codewords
};

struct VisitOrder {
  Grouping grouping;                // with the number of columns for 0
  std::vector<std::size_t> column;  // of each position
  std::vector<std::size_t> grid;    // of each position
  std::size_t grids = 0;            // of a row
  std::vector<Run> runs;            // in order, all positions; empty when all grids are found before the first column
  std::vector<Positions> blocks;    // in order, all positions; errors reach columns after a block when it is done
};

/// diagonal: (cols) the importance of each column.
/// Blocks have options.block positions, as in the published code; but where grids are found on the way and `reference` is off,
/// blocks begin and end with runs, or lie within one, so that a grid can see all earlier errors.
VisitOrder make_order(const Options& options, Grouping grouping, std::span<const float> diagonal);

}  // namespace quantbench::gptq
