// The grids of some rows of a layer: found unit by unit from the weights as they are by then, and stored with the levels.
//
// Integer formats fit a grid to the weights of a group (grid.h). All others take what the encoders of the solver `search` find,
// with 1 / U_jj^2 as the importance of column j: that is what its rounding error counts when the columns after it make up for
// what they can.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quantizers/solvers/gptq/grid.h"
#include "quantizers/solvers/gptq/problem.h"
#include "quantizers/solvers/search/codebook_search.h"
#include "quantizers/solvers/search/encoders.h"

namespace quantbench::gptq {

/// What all panels share.
struct PanelContext {
  const SolverInput& input;
  const Options& options;
  const Problem& problem;
  const Format& format;
  const Grid* grid_of_tensor = nullptr;  // for formats with one scale for the whole tensor
};

class PanelGrids {
 public:
  /// Rows [first_row, first_row + rows).
  PanelGrids(const PanelContext& context, std::size_t first_row, std::size_t rows);

  std::size_t units() const { return members_.size(); }
  /// Finds and keeps the grids of all rows for one unit, from weights clamped to the limits that calibration has for grids.
  /// weights: (rows, cols) by position.
  void find(std::size_t unit, std::span<const float> weights);

  /// The grids of a row counted from first_row.
  std::span<const Grid> row(std::size_t row) const {
    return std::span(grids_).subspan(row * grids_of_row_, grids_of_row_);
  }
  const Rounder& rounder() const { return rounder_; }
  /// Of formats with codebooks: the super-block that is being filled.
  CodebookBlock& codebook_block(std::size_t row, std::size_t unit) {
    return codebook_blocks_[row * members_.size() + unit];
  }
  /// levels: (cols) by column; not looked at in formats with codebooks
  void pack(std::size_t row, std::span<const std::int8_t> levels, MutableRowBytes out) const;

 private:
  void gather(std::size_t unit, std::span<const float> weights);
  void fit_integers(std::size_t unit);
  void search_groups(std::size_t unit);
  std::vector<Affine> group_affines() const;
  void search_blocks(std::size_t unit);
  void search_codebooks(std::size_t unit);
  Grid* grids_of(std::size_t row, std::size_t unit) {
    return grids_.data() + row * grids_of_row_ + unit * (unit_ / group_);
  }

  const PanelContext context_;
  const Problem& problem_;
  std::size_t first_row_, rows_, cols_;
  std::size_t group_, unit_;  // columns
  std::size_t grids_of_row_;
  Rounder rounder_;
  GridFitter fitter_;
  std::vector<std::vector<std::size_t>> members_;  // of each unit: positions, by column
  std::vector<Grid> grids_;                        // (rows, grids of a row)
  std::vector<search::BlockScales> blocks_;        // (rows, units), of formats with super-blocks
  std::vector<CodebookBlock> codebook_blocks_;     // (rows, units), of formats with codebooks
  std::vector<float> values_, importance_;         // (rows, columns of a unit) what grids are fitted to
};

}  // namespace quantbench::gptq
