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
      grids_(rows * problem_.order.grids),
      levels_(rows * cols_),
      applied_(cols_) {}

void RowPanel::quantize() {
  gather();
  if (problem_.order.runs.empty()) find_static_grids();
  for (std::size_t block = 0; block < problem_.order.blocks.size(); ++block) round_block(block);
  round_dead_columns();
}

void RowPanel::gather() {
  for (std::size_t row = 0; row < rows_; ++row) {
    const auto from = context_.input.weights.row(first_row_ + row);
    for (std::size_t position = 0; position < cols_; ++position) {
      const std::size_t column = problem_.order.column[position];
      weights_[row * cols_ + position] = problem_.dead[column] != 0 ? 0.0f : from[column];
    }
  }
}

float RowPanel::limit_of(std::size_t row, std::size_t grid) const {
  const auto limits = context_.input.calibration.grid_limits;
  return limits.empty() ? 0.0f : limits[(first_row_ + row) * problem_.order.grids + grid];
}

void RowPanel::find_static_grids() {
  const std::size_t grids = problem_.order.grids;
  std::vector<std::vector<std::size_t>> members(grids);  // positions
  for (std::size_t position = 0; position < cols_; ++position)
    members[problem_.order.grid[position]].push_back(position);
  // The published code finds the grids of whole rows before it clears the columns whose input was always 0.
  const bool with_dead = context_.options.reference && context_.format.group == 0;
  std::vector<float> weights, importance;
  for (std::size_t row = 0; row < rows_; ++row)
    for (std::size_t grid = 0; grid < grids; ++grid) {
      if (context_.grid_of_tensor != nullptr) {
        grids_[row * grids + grid] = *context_.grid_of_tensor;
        continue;
      }
      weights.clear(), importance.clear();
      for (const std::size_t position : members[grid]) {
        const std::size_t column = problem_.order.column[position];
        weights.push_back(with_dead ? context_.input.weights.row(first_row_ + row)[column]
                                    : weights_[row * cols_ + position]);
        importance.push_back(problem_.importance[position]);
      }
      grids_[row * grids + grid] = context_.fitter.fit({weights, importance, limit_of(row, grid)});
    }
}

void RowPanel::find_grid(std::size_t row, const Run& run) {
  const std::span<const float> weights =
      std::span(weights_).subspan(row * cols_ + run.positions.begin, run.positions.size());
  const auto importance = std::span(problem_.importance).subspan(run.positions.begin, run.positions.size());
  grids_[row * problem_.order.grids + run.grid] = context_.fitter.fit({weights, importance, limit_of(row, run.grid)});
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

void RowPanel::find_grids_of_block(const Positions& block) {
  const auto& runs = problem_.order.runs;
  for (std::size_t run = next_run_; run < runs.size() && runs[run].positions.begin < block.end; ++run)
    for (std::size_t row = 0; row < rows_; ++row) find_grid(row, runs[run]);
}

void RowPanel::round_block(std::size_t index) {
  const Positions block = problem_.order.blocks[index];
  const auto& runs = problem_.order.runs;
  std::size_t next = next_run_;
  while (next < runs.size() && runs[next].positions.begin < block.end) ++next;
  const std::size_t end = next > next_run_ ? std::max(block.end, runs[next - 1].positions.end) : block.end;
  bring_up_to_date({block.begin, end}, block.begin);
  if (context_.options.reference) find_grids_of_block(block);
  for (std::size_t row = 0; row < rows_; ++row) round_row(row, index);
  next_run_ = next;
}

void RowPanel::round_row(std::size_t row, std::size_t index) {
  const Positions block = problem_.order.blocks[index];
  const auto& runs = problem_.order.runs;
  const std::size_t size = block.size();
  const Grid* const grids = grids_.data() + row * problem_.order.grids;
  const bool asymmetric = !problem_.asymmetry.empty();
  float* __restrict const weights = weights_.data() + row * cols_ + block.begin;
  std::size_t run = next_run_;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t position = block.begin + i;
    if (!context_.options.reference && run < runs.size() && runs[run].positions.begin == position)
      find_grid(row, runs[run++]);
    const Grid& grid = grids[problem_.order.grid[position]];
    const float weight = finite(weights[i]);
    const float level = context_.fitter.level(grid, weight);
    const float* __restrict const factor = problem_.factor.blocks[index].data() + i * size;
    const float error = finite((weight - GridFitter::value(grid, level)) / factor[i]);
    levels_[row * cols_ + problem_.order.column[position]] = static_cast<std::int8_t>(level);
    errors_[row * cols_ + position] = error;
    for (std::size_t j = i + 1; j < size; ++j) weights[j] -= error * factor[j];
    if (asymmetric) {
      const float* __restrict const residual = problem_.asymmetry.blocks[index].data() + i * size;
      for (std::size_t j = i + 1; j < size; ++j) weights[j] += weight * residual[j];
      unrounded_[row * cols_ + position] = weight;
    }
    weights[i] = GridFitter::value(grid, level);
  }
}

/// Columns whose input was always 0 take part as zeros. What they are worth the calibration cannot tell, so they are rounded
/// to nearest; the published code stores zeros.
void RowPanel::round_dead_columns() {
  if (context_.options.reference) return;
  for (std::size_t position = 0; position < cols_; ++position) {
    const std::size_t column = problem_.order.column[position];
    if (problem_.dead[column] == 0) continue;
    for (std::size_t row = 0; row < rows_; ++row) {
      const Grid& grid = grids_[row * problem_.order.grids + problem_.order.grid[position]];
      const float weight = context_.input.weights.row(first_row_ + row)[column];
      levels_[row * cols_ + column] = static_cast<std::int8_t>(context_.fitter.level(grid, weight));
    }
  }
}

void RowPanel::pack(TensorData& out) const {
  const Format& format = context_.format;
  const std::size_t group = format.group == 0 ? cols_ : std::min(format.group, cols_);
  std::vector<Affine> affines(format.groups_of_row(cols_));
  for (std::size_t row = 0; row < rows_; ++row) {
    for (std::size_t position = 0; position < cols_; ++position) {
      const Grid& grid = grids_[row * problem_.order.grids + problem_.order.grid[position]];
      affines[problem_.order.column[position] / group] = format.round_affine(format, {grid.scale, grid.offset});
    }
    MutableRowBytes bytes = out.row(first_row_ + row);
    if (first_row_ + row != 0) bytes.header = nullptr;
    format.pack(format, affines, std::span(levels_).subspan(row * cols_, cols_), bytes);
  }
}

}  // namespace quantbench::gptq
