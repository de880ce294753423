// What all rows of a layer share in GPTQ: the order of the columns and how the error of each moves the weights after it.
#pragma once

#include <cstdint>
#include <vector>

#include "quantizers/solver.h"
#include "quantizers/solvers/gptq/options.h"
#include "quantizers/solvers/gptq/visit_order.h"

namespace quantbench::gptq {

/// A square matrix by positions: row-major, upper triangular, kept transposed as one piece and upright for each block.
struct UpperFactor {
  std::vector<float> transposed;           // (cols, cols), lower triangular: row j holds column j
  std::vector<std::vector<float>> blocks;  // of VisitOrder::blocks: (size, size), upright
  bool empty() const { return transposed.empty(); }
};

struct Problem {
  std::size_t cols = 0;
  VisitOrder order;
  std::vector<std::uint8_t> dead;  // (cols) by column: the input was always 0
  UpperFactor factor;              // U of (H + damping)^-1 = U'U
  UpperFactor asymmetry;           // alpha P of GPTAQ, strictly upper triangular; empty without it
  std::vector<float>
      importance;  // (cols) by position: 1 / U_jj^2, what an error counts that later columns can still correct
};

/// Columns whose input was always 0 get a diagonal of their own (1 as published, else the mean of the others) and no ties to
/// other columns. damp * mean(diag H) is added to the diagonal; when the matrix still is not positive definite,
/// damp is raised tenfold until it is, and a remark says so. Without second moments H is the identity: inputs of which
/// nothing is known count alike. Throws Error when moments have the wrong size or are not finite, or no damping helps.
Problem prepare(const SolverInput& input, const Options& options, Grouping grouping);

}  // namespace quantbench::gptq
