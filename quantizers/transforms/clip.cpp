#include "quantizers/transforms/clip.h"

#include <algorithm>
#include <cmath>

#include "core/matmul/matmul_f32.h"
#include "core/parallel.h"
#include "quantizers/formats/registry.h"
#include "quantizers/transforms/rounding.h"

namespace quantbench {
namespace {

constexpr int limits_tried = 10;

struct Columns {
  std::size_t begin = 0, count = 0;
};

std::vector<Columns> groups_of(std::size_t cols, std::size_t group) {
  const std::size_t whole = group == 0 ? cols : std::min(group, cols);
  std::vector<Columns> groups;
  for (std::size_t begin = 0; begin < cols; begin += whole) groups.push_back({begin, std::min(whole, cols - begin)});
  return groups;
}

/// sum over tokens of (x d)^2, x the inputs of the group's columns, for the difference d of each row. (rows)
std::vector<double> output_errors(MatrixView inputs, MatrixView difference, Columns columns) {
  std::vector<float> outputs(inputs.rows * difference.rows);  // (rows, tokens)
  matmul_f32({.a = difference.values.data() + columns.begin,
              .a_stride = difference.cols,
              .b = inputs.values.data() + columns.begin,
              .b_stride = inputs.cols,
              .c = outputs.data(),
              .c_stride = inputs.rows,
              .m = difference.rows,
              .n = inputs.rows,
              .k = columns.count},
             1);
  std::vector<double> errors(difference.rows);
  for (std::size_t row = 0; row < difference.rows; ++row)
    for (const float output : std::span(outputs).subspan(row * inputs.rows, inputs.rows))
      errors[row] += static_cast<double>(output) * static_cast<double>(output);
  return errors;
}

float largest_magnitude(std::span<const float> weights) {
  float largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::fabs(weight));
  return largest;
}

/// max |w| (1 - step/20) of every group. (rows, groups of a row)
std::vector<float> limits_of_step(MatrixView weights, const std::vector<Columns>& groups, int step) {
  std::vector<float> limits;
  for (std::size_t row = 0; row < weights.rows; ++row)
    for (const Columns& group : groups)
      limits.push_back(largest_magnitude(weights.row(row).subspan(group.begin, group.count)) *
                       static_cast<float>(1 - static_cast<double>(step) / (2 * limits_tried)));
  return limits;
}

bool has_groups_of_their_own(const Format& format) {
  return format.round_affine != nullptr && !format.scale_per_tensor && !format.floating_point;
}

}  // namespace

Clip clip_of(const Method& method) {
  const auto option = method.options.find("clip");
  if (option == method.options.end()) return Clip::off;
  return option->second == "grid" ? Clip::grid : Clip::weights;
}

void check_clip(const Method& method, const Format& format) {
  const Clip clip = clip_of(method);
  if (clip == Clip::off) return;
  if (!has_groups_of_their_own(format))
    fail("method '{}': a clip search needs groups with scales of their own, and {} has none", to_string(method),
         format.id);
  if (clip == Clip::weights || !Registry<SolverEntry>::instance().contains(method.solver)) return;
  const Method plain = without_transforms(method);
  if (!Registry<SolverEntry>::instance().at(method.solver).solver->takes_grid_limits(solver_options(plain)))
    fail("method '{}': the solver {} fits its grids to the weights alone; use clip, which clamps the weights",
         to_string(method), method.solver);
}

std::vector<float> sampled_tokens(MatrixView inputs, std::size_t count) {
  const std::size_t step = std::max<std::size_t>(inputs.rows / count, 1);
  std::vector<float> sampled;
  for (std::size_t token = 0; token < inputs.rows; token += step)
    sampled.insert(sampled.end(), inputs.row(token).begin(), inputs.row(token).end());
  return sampled;
}

std::vector<float> search_clip(const ClipSearch& search) {
  const MatrixView weights = search.weights;
  const std::size_t group = find_format(search.rounding.target)->group;
  const std::vector<Columns> groups = groups_of(weights.cols, group);
  std::vector<double> errors(weights.rows * groups.size());
  std::vector<float> best;
  for (int step = 0; step < limits_tried; ++step) {
    const std::vector<float> limits = limits_of_step(weights, groups, step);
    if (step == 0) best = limits;
    std::vector<float> difference(weights.values.begin(), weights.values.end());
    clamp_groups(difference, weights.cols, group, limits);
    difference = rounded(search.rounding, {difference, weights.rows, weights.cols}, {}, search.threads);
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= weights.values[i];
    parallel_for(search.threads, groups.size(), [&](std::size_t index) {
      const std::vector<double> of_rows =
          output_errors(search.inputs, {difference, weights.rows, weights.cols}, groups[index]);
      for (std::size_t row = 0; row < weights.rows; ++row) {
        const std::size_t place = row * groups.size() + index;
        if (step != 0 && of_rows[row] >= errors[place]) continue;
        errors[place] = of_rows[row];
        best[place] = limits[place];
      }
    });
  }
  return best;
}

void clamp_groups(std::span<float> weights, std::size_t cols, std::size_t group, std::span<const float> limits) {
  const std::vector<Columns> groups = groups_of(cols, group);
  const float* limit = limits.data();
  for (std::size_t begin = 0; begin < weights.size(); begin += cols)
    for (const Columns& columns : groups) {
      for (float& weight : weights.subspan(begin + columns.begin, columns.count))
        weight = std::clamp(weight, -*limit, *limit);
      ++limit;
    }
}

}  // namespace quantbench
