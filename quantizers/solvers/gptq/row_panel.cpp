#include "quantizers/solvers/gptq/row_panel.h"

#include <algorithm>
#include <limits>

#include "core/matmul/matmul_f32.h"

namespace quantbench::gptq {
namespace {

/// Weights near the end of the range of f32 can overflow on the way.
float finite(float value) {
  constexpr float largest = std::numeric_limits<float>::max();
  return std::min(largest, std::max(-largest, value));  // NaN: -largest
}

}  // namespace

RowPanel::RowPanel(const PanelContext& context, std::size_t first_row, std::size_t rows)
    : context_(context),
      problem_(context.problem),
      first_row_(first_row),
      rows_(rows),
      cols_(context.problem.cols),
      weights_(rows * cols_),
      errors_(rows * cols_),
      unrounded_(problem_.asymmetry.empty() ? 0 : rows * cols_),
      grids_(context, first_row, rows),
      levels_(rows * cols_),
      applied_(cols_) {
  if (context.format.codebook != nullptr) codewords_.emplace(*context.format.codebook);
}

void RowPanel::quantize() {
  gather();
  if (problem_.order.runs.empty())
    for (std::size_t unit = 0; unit < grids_.units(); ++unit) grids_.find(unit, weights_);
  for (std::size_t block = 0; block < problem_.order.blocks.size(); ++block) round_block(block);
  round_dead_columns();
}

void RowPanel::gather() {
  for (std::size_t row = 0; row < rows_; ++row) {
    const auto from = context_.input.weights.row(first_row_ + row);
    for (std::size_t position = 0; position < cols_; ++position) {
      const std::size_t column = problem_.order.column[position];
      const bool cleared = problem_.dead[column] != 0 && !codewords_;
      weights_[row * cols_ + position] = cleared ? 0.0f : from[column];
    }
  }
}

void RowPanel::subtract_product(std::span<const float> left, const UpperFactor& factor, Positions positions,
                                Positions errors, float sign) {
  scratch_.resize(rows_ * positions.size());
  matmul_f32({.a = left.data() + errors.begin,
              .a_stride = cols_,
              .b = factor.transposed.data() + positions.begin * cols_ + errors.begin,
              .b_stride = cols_,
              .c = scratch_.data(),
              .c_stride = positions.size(),
              .m = rows_,
              .n = positions.size(),
              .k = errors.size()},
             1, context_.input.isa);
  for (std::size_t row = 0; row < rows_; ++row) {
    float* const weights = weights_.data() + row * cols_ + positions.begin;
    const float* const change = scratch_.data() + row * positions.size();
    for (std::size_t i = 0; i < positions.size(); ++i) weights[i] -= sign * change[i];
  }
}

/// The errors of all positions below `end_of_errors` reach these positions.
void RowPanel::bring_up_to_date(Positions positions, std::size_t end_of_errors) {
  for (std::size_t begin = positions.begin; begin < positions.end;) {
    const std::size_t applied = applied_[begin];
    std::size_t end = begin;
    for (; end < positions.end && applied_[end] == applied; ++end) applied_[end] = end_of_errors;
    if (applied < end_of_errors) {
      subtract_product(errors_, problem_.factor, {begin, end}, {applied, end_of_errors}, 1);
      // The published code multiplies by the weights as they are by then, which is rounded.
      const auto& sources = context_.options.reference ? weights_ : unrounded_;
      if (!problem_.asymmetry.empty())
        subtract_product(sources, problem_.asymmetry, {begin, end}, {applied, end_of_errors}, -1);
    }
    begin = end;
  }
}

void RowPanel::round_block(std::size_t index) {
  const Positions block = problem_.order.blocks[index];
  const auto& runs = problem_.order.runs;
  std::size_t next = next_run_;
  while (next < runs.size() && runs[next].positions.begin < block.end) ++next;
  const std::span<const Run> beginning = std::span(runs).subspan(next_run_, next - next_run_);
  next_run_ = next;
  bring_up_to_date({block.begin, beginning.empty() ? block.end : std::max(block.end, beginning.back().positions.end)},
                   block.begin);
  if (context_.options.reference) {
    for (const Run& run : beginning) grids_.find(run.unit, weights_);
    round_piece(block, index);
    return;
  }
  std::size_t begin = block.begin;
  for (const Run& run : beginning) {
    round_piece({begin, run.positions.begin}, index);
    grids_.find(run.unit, weights_);
    begin = run.positions.begin;
  }
  round_piece({begin, block.end}, index);
}

void RowPanel::round_piece(Positions piece, std::size_t block) {
  for (std::size_t row = 0; row < rows_; ++row)
    codewords_ ? round_octets(row, piece, block) : round_row(row, piece, block);
}

void RowPanel::round_octets(std::size_t row, Positions piece, std::size_t block_index) {
  const Positions block = problem_.order.blocks[block_index];
  const std::size_t size = block.size();
  const bool shift_is_known = context_.format.codebook->shift_of_group;
  for (std::size_t position = piece.begin; position < piece.end; position += octet) {
    const std::size_t i = position - block.begin, column = problem_.order.column[position];
    float* const weights = weights_.data() + row * cols_ + position;
    std::transform(weights, weights + octet, weights, finite);
    const float* const factor = problem_.factor.blocks[block_index].data() + i * size;
    CodebookBlock& stored = grids_.codebook_block(row, column / problem_.order.grouping.unit);
    const std::size_t index = column % problem_.order.grouping.unit / octet, codewords = octet / codewords_->width();
    const OctetChoice choice =
        codewords_->choose({.weights = weights,
                            .factor = factor + i,
                            .stride = size,
                            .scale = grids_.row(row)[problem_.order.grid[position]].scale,
                            .shift = shift_is_known ? (stored.shifts_down[index] != 0 ? -1 : 1) : 0});
    std::copy_n(choice.codewords, codewords, stored.codewords + index * codewords);
    stored.signs[index] = choice.signs;
    stored.shifts_down[index] = choice.shifted_down ? 1 : 0;
    std::transform(choice.errors, choice.errors + octet, errors_.data() + row * cols_ + position, finite);
    for (std::size_t k = 0; k < octet; ++k) {
      const float error = errors_[row * cols_ + position + k];
      for (std::size_t j = octet; j < size - i; ++j) weights[j] -= error * factor[k * size + i + j];
      weights[k] = choice.values[k];
    }
  }
}

void RowPanel::round_row(std::size_t row, Positions piece, std::size_t block_index) {
  const Positions block = problem_.order.blocks[block_index];
  const std::size_t size = block.size();
  const std::span<const Grid> grids = grids_.row(row);
  const Rounder& rounder = grids_.rounder();
  const bool asymmetric = !problem_.asymmetry.empty();
  float* __restrict const weights = weights_.data() + row * cols_ + block.begin;
  for (std::size_t position = piece.begin; position < piece.end; ++position) {
    const std::size_t i = position - block.begin;
    const Grid& grid = grids[problem_.order.grid[position]];
    const float weight = finite(weights[i]);
    const float level = rounder.level(grid, weight), rounded = rounder.value(grid, level);
    const float* __restrict const factor = problem_.factor.blocks[block_index].data() + i * size;
    const float error = finite((weight - rounded) / factor[i]);
    levels_[row * cols_ + problem_.order.column[position]] = static_cast<std::int8_t>(level);
    errors_[row * cols_ + position] = error;
    for (std::size_t j = i + 1; j < size; ++j) weights[j] -= error * factor[j];
    if (asymmetric) {
      const float* __restrict const residual = problem_.asymmetry.blocks[block_index].data() + i * size;
      for (std::size_t j = i + 1; j < size; ++j) weights[j] += weight * residual[j];
      unrounded_[row * cols_ + position] = weight;
    }
    weights[i] = rounded;
  }
}

/// Columns whose input was always 0 take part as zeros. What they are worth the calibration cannot tell, so they are rounded
/// to nearest; the published code stores zeros. Codewords are shared with other columns, so there they just take part.
void RowPanel::round_dead_columns() {
  if (context_.options.reference || codewords_) return;
  for (std::size_t position = 0; position < cols_; ++position) {
    const std::size_t column = problem_.order.column[position];
    if (problem_.dead[column] == 0) continue;
    for (std::size_t row = 0; row < rows_; ++row) {
      const Grid& grid = grids_.row(row)[problem_.order.grid[position]];
      const float weight = context_.input.weights.row(first_row_ + row)[column];
      levels_[row * cols_ + column] = static_cast<std::int8_t>(grids_.rounder().level(grid, weight));
    }
  }
}

void RowPanel::pack(TensorData& out) const {
  for (std::size_t row = 0; row < rows_; ++row) {
    MutableRowBytes bytes = out.row(first_row_ + row);
    if (first_row_ + row != 0) bytes.header = nullptr;
    grids_.pack(row, std::span(levels_).subspan(row * cols_, cols_), bytes);
  }
}

}  // namespace quantbench::gptq
