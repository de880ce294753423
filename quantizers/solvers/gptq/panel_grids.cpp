#include "quantizers/solvers/gptq/panel_grids.h"

#include <algorithm>

namespace quantbench::gptq {

PanelGrids::PanelGrids(const PanelContext& context, std::size_t first_row, std::size_t rows)
    : context_(context),
      problem_(context.problem),
      first_row_(first_row),
      rows_(rows),
      cols_(context.problem.cols),
      group_(problem_.order.grouping.group),
      unit_(problem_.order.grouping.unit),
      grids_of_row_(problem_.order.grids),
      rounder_(context.format),
      fitter_(context.format, context.options),
      members_((cols_ + unit_ - 1) / unit_),
      grids_(rows * grids_of_row_) {
  std::vector<std::size_t> positions(cols_);
  const auto& columns = problem_.order.column;
  const bool by_position = context.options.dynamic_group > 0;
  for (std::size_t position = 0; position < cols_; ++position)
    positions[by_position ? position : columns[position]] = position;
  for (std::size_t i = 0; i < cols_; ++i) members_[i / unit_].push_back(positions[i]);
  if (context.format.two_level != nullptr) blocks_.resize(rows * members_.size());
  if (context.format.codebook != nullptr) codebook_blocks_.resize(rows * members_.size());
}

void PanelGrids::gather(std::size_t unit, std::span<const float> weights) {
  // The published code finds the grids of whole rows before it clears the columns whose input was always 0.
  const bool with_dead = context_.options.reference && context_.format.group == 0;
  const auto limits = context_.input.calibration.grid_limits;
  values_.clear(), importance_.clear();
  for (std::size_t row = 0; row < rows_; ++row) {
    const auto original = context_.input.weights.row(first_row_ + row);
    for (const std::size_t position : members_[unit]) {
      float value = with_dead ? original[problem_.order.column[position]] : weights[row * cols_ + position];
      if (!limits.empty()) {
        const float limit = limits[(first_row_ + row) * grids_of_row_ + problem_.order.grid[position]];
        value = std::clamp(value, -limit, limit);
      }
      values_.push_back(value);
      importance_.push_back(problem_.importance[position]);
    }
  }
}

void PanelGrids::find(std::size_t unit, std::span<const float> weights) {
  gather(unit, weights);
  if (context_.format.two_level != nullptr)
    search_blocks(unit);
  else if (context_.format.codebook != nullptr)
    search_codebooks(unit);
  else if (context_.format.gguf_type || !context_.format.float_levels.empty())
    search_groups(unit);
  else
    fit_integers(unit);
}

void PanelGrids::fit_integers(std::size_t unit) {
  const std::size_t columns = members_[unit].size();
  for (std::size_t row = 0; row < rows_; ++row)
    *grids_of(row, unit) =
        context_.grid_of_tensor != nullptr
            ? *context_.grid_of_tensor
            : fitter_.fit({std::span(values_).subspan(row * columns, columns), std::span(importance_).first(columns)});
}

void PanelGrids::search_groups(std::size_t unit) {
  const std::size_t groups = unit_ / group_;
  const std::vector<Affine> affines = group_affines();
  for (std::size_t row = 0; row < rows_; ++row)
    for (std::size_t group = 0; group < groups; ++group) {
      const Affine affine = affines[row * groups + group];
      grids_of(row, unit)[group] = {affine.scale, affine.offset};
    }
}

/// Of all rows. Rows lie behind each other for the search, unless their last group, the one of this unit, is shorter than others.
std::vector<Affine> PanelGrids::group_affines() const {
  const Format& format = context_.format;
  const std::size_t columns = values_.size() / rows_;
  if (format.group != 0 && columns == unit_)
    return search::find_group_affines(format, {values_, importance_}, context_.input.isa);
  std::vector<Affine> affines;
  for (std::size_t begin = 0; begin < values_.size(); begin += columns)
    affines.push_back(search::find_group_affines(
        format, {std::span(values_).subspan(begin, columns), std::span(importance_).subspan(begin, columns)},
        context_.input.isa)[0]);
  return affines;
}

void PanelGrids::search_blocks(std::size_t unit) {
  const std::vector<search::BlockScales> found =
      search::find_block_scales(context_.format, {values_, importance_}, context_.input.isa);
  const bool has_mins = context_.format.two_level->largest_min > 0;
  for (std::size_t row = 0; row < rows_; ++row) {
    const search::BlockScales& block = blocks_[row * members_.size() + unit] = found[row];
    for (std::size_t group = 0; group < unit_ / group_; ++group)
      grids_of(row, unit)[group] = {block.d * static_cast<float>(block.scales[group]),
                                    has_mins ? -(block.dmin * static_cast<float>(block.mins[group])) : 0.0f};
  }
}

/// The scales of a search that chooses codewords for itself; those are chosen anew when their columns are reached.
void PanelGrids::search_codebooks(std::size_t unit) {
  const CodebookFormat format = codebook_format(context_.format);
  const CodebookKernels& kernels = codebook_kernels(context_.input.isa);
  for (std::size_t row = 0; row < rows_; ++row) {
    CodebookBlock& block = codebook_block(row, unit) = search_codebook_block(
        format, values_.data() + row * unit_, importance_.data() + row * unit_, Effort::standard, kernels);
    for (std::size_t group = 0; group < unit_ / group_; ++group)
      grids_of(row, unit)[group].scale = block.d * (static_cast<float>(2 * block.scales[group] + 1) * format.unit);
  }
}

void PanelGrids::pack(std::size_t row, std::span<const std::int8_t> levels, MutableRowBytes out) const {
  const Format& format = context_.format;
  const std::size_t block_bytes = format.row_bytes(format, format.block);
  for (std::size_t unit = 0; format.codebook != nullptr && unit < members_.size(); ++unit)
    format.codebook->pack_block(codebook_blocks_[row * members_.size() + unit], out.row + unit * block_bytes);
  if (format.codebook != nullptr) return;
  if (format.two_level != nullptr) {
    for (std::size_t unit = 0; unit < members_.size(); ++unit) {
      const search::BlockScales& block = blocks_[row * members_.size() + unit];
      format.two_level->pack_block(
          {block.d, block.dmin, block.scales.data(), block.mins.data(), levels.data() + unit * unit_},
          out.row + unit * block_bytes);
    }
    return;
  }
  const std::size_t stored_group = format.group == 0 ? cols_ : std::min(format.group, cols_);
  std::vector<Affine> affines(format.groups_of_row(cols_));
  for (std::size_t position = 0; position < cols_; ++position) {
    const Grid& grid = grids_[row * grids_of_row_ + problem_.order.grid[position]];
    affines[problem_.order.column[position] / stored_group] = format.round_affine(format, {grid.scale, grid.offset});
  }
  format.pack(format, affines, levels, out);
}

}  // namespace quantbench::gptq
