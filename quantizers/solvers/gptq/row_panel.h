// The column loop of GPTQ for some rows of a layer. Rows do not depend on each other, so a panel of them goes through all
// columns on its own and stays in the cache; its products with the factor have the same bits for any number of rows.
//
// At position i of the order, with U of (H + damping)^-1 = U'U (Frantar et al. 2022, GPTQ, algorithm 1):
//     q = round(w_i)      e_i = (w_i - q) / U_ii      w_j -= e_i U_ij  for all j > i
// The last step runs at once inside a block of columns, and for all columns of a later block when that one is reached.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "quantizers/solvers/gptq/codeword_choice.h"
#include "quantizers/solvers/gptq/panel_grids.h"

namespace quantbench::gptq {

class RowPanel {
 public:
  /// Rows [first_row, first_row + rows).
  RowPanel(const PanelContext& context, std::size_t first_row, std::size_t rows);

  void quantize();
  void pack(TensorData& out) const;

  /// After `quantize`, of a row counted from first_row: what its weights were rounded to, its grids, and e of each, by position.
  std::span<const float> rounded(std::size_t row) const { return std::span(weights_).subspan(row * cols_, cols_); }
  std::span<const Grid> grids(std::size_t row) const { return grids_.row(row); }
  std::span<const float> errors(std::size_t row) const { return std::span(errors_).subspan(row * cols_, cols_); }

 private:
  void gather();
  void bring_up_to_date(Positions positions, std::size_t end_of_errors);
  void subtract_product(std::span<const float> left, const UpperFactor& factor, Positions positions, Positions errors,
                        float sign);
  void round_block(std::size_t index);
  void round_piece(Positions piece, std::size_t block);
  void round_row(std::size_t row, Positions piece, std::size_t block);
  void round_octets(std::size_t row, Positions piece, std::size_t block);
  void round_dead_columns();

  const PanelContext context_;
  const Problem& problem_;
  std::size_t first_row_, rows_, cols_;
  std::vector<float> weights_;    // (rows, cols) by position; visited ones are what they were rounded to
  std::vector<float> errors_;     // (rows, cols) by position: e
  std::vector<float> unrounded_;  // (rows, cols) by position: weights before rounding; only for GPTAQ
  PanelGrids grids_;
  std::optional<CodewordChooser> codewords_;
  std::vector<std::int8_t> levels_;   // (rows, cols) by column
  std::vector<std::size_t> applied_;  // (cols) by position: errors of positions below this are in the weights
  std::vector<float> scratch_;
  std::size_t next_run_ = 0;
};

}  // namespace quantbench::gptq
