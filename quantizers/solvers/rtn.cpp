// The solver `rtn`: round to nearest.
//
// Formats that define a plain rounding of their own (the GGUF family) use it. Integer formats get one affine per group:
//   symmetric (absmax)         scale = max |w| / (2^(bits-1) - 1), levels -(2^(bits-1)-1) .. 2^(bits-1)-1. The lowest
//                              level is not used, as in the absmax of LLM.int8() and SmoothQuant: -w always becomes minus
//                              the level of w, and the largest weight is met exactly. At 2 bits that leaves -1, 0, 1.
//   asymmetric (zero point)    scale = (max - min) / (2^bits - 1), where the range is widened to hold zero, so that the
//                              zero point is a level and the weight 0 is stored exactly.
//   grid=spread                the grid of AWQ: the range is that of the weights alone and at least 1e-5 wide, the zero point is
//                              -round(min / scale) kept within the levels. So of a group without weights of both signs, those
//                              that are largest in magnitude are cut: the published defect that grid=zero does not have.
// Formats whose levels stand for the numbers of a table (NF4, FP4, FP8) get the absmax: scale = max |w| / the largest number, of a
// group, a row or the tensor, and the nearest number for each weight.
// The scale is rounded to the type it is stored in first, and zero point and levels are rounded with the stored scale.
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "quantizers/solver.h"
#include "quantizers/solvers/round_levels.h"

namespace quantbench {
namespace {

/// Of weights and zero: smallest <= 0 <= largest.
struct Range {
  float smallest = 0;
  float largest = 0;

  void add(std::span<const float> weights) {
    for (const float weight : weights) {
      smallest = std::min(smallest, weight);
      largest = std::max(largest, weight);
    }
  }
};

Affine fit_affine(const Format& format, Range range) {
  const float level_max = static_cast<float>(format.level_max), level_min = static_cast<float>(format.level_min);
  if (!format.has_offset) return format.round_affine(format, {std::max(-range.smallest, range.largest) / level_max, 0});
  const float steps = level_max - level_min;
  const float wanted = range.largest / steps - range.smallest / steps;  // the difference itself may overflow
  const float scale = format.round_affine(format, {wanted, 0}).scale;
  return format.round_affine(format, {scale, range.smallest - scale * level_min});
}

constexpr float smallest_spread = 1e-5f;

/// The grid of AWQ for weights of this group.
Affine fit_spread(const Format& format, std::span<const float> weights) {
  const auto [smallest, largest] = std::ranges::minmax(weights);
  const auto level_max = static_cast<float>(format.level_max), level_min = static_cast<float>(format.level_min);
  const float steps = level_max - level_min;
  const float range = largest - smallest;
  const float wanted =
      std::isinf(range) ? largest / steps - smallest / steps : std::max(range, smallest_spread) / steps;
  const float scale = format.round_affine(format, {wanted, 0}).scale;
  const float zero = std::clamp(level_min - std::nearbyint(smallest / scale), level_min, level_max);
  return format.round_affine(format, {scale, -(scale * zero)});
}

void round_levels(const Format& format, Affine affine, std::span<const float> weights, std::int8_t* levels) {
  if (affine.scale == 0) {
    std::fill_n(levels, weights.size(), std::int8_t{0});
    return;
  }
  const float zero = format.has_offset ? std::nearbyint(-affine.offset / affine.scale) : 0.0f;
  const float level_max = static_cast<float>(format.level_max);
  const float level_min = format.has_offset ? static_cast<float>(format.level_min) : -level_max;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float level = std::nearbyint(weights[i] / affine.scale) + zero;
    levels[i] = static_cast<std::int8_t>(std::clamp(level, level_min, level_max));
  }
}

Range range_of_tensor(MatrixView weights, int threads) {
  std::vector<Range> of_rows(weights.rows);
  parallel_for(threads, weights.rows, [&](std::size_t row) { of_rows[row].add(weights.row(row)); });
  Range range;
  for (const Range& of_row : of_rows) {
    range.smallest = std::min(range.smallest, of_row.smallest);
    range.largest = std::max(range.largest, of_row.largest);
  }
  return range;
}

Affine fit_group(const Format& format, std::span<const float> weights, bool spread) {
  if (spread) return fit_spread(format, weights);
  Range range;
  range.add(weights);
  return fit_affine(format, range);
}

/// The absmax of each group over the largest number, (rows, groups of a row); or of the tensor, for each row.
std::vector<float> absmax_scales(const Format& format, MatrixView weights, int threads) {
  const float largest = std::max(format.value(format.level_max), -format.value(format.level_min));
  const auto scale_of = [&](const Range& range) { return std::max(-range.smallest, range.largest) / largest; };
  const std::size_t groups = format.groups_of_row(weights.cols),
                    group = format.group == 0 ? weights.cols : format.group;
  if (format.scale_per_tensor) return std::vector<float>(weights.rows, scale_of(range_of_tensor(weights, threads)));
  std::vector<float> scales(weights.rows * groups);
  parallel_for(threads, weights.rows, [&](std::size_t row) {
    for (std::size_t index = 0; index < groups; ++index) {
      Range range;
      range.add(weights.row(row).subspan(index * group, std::min(group, weights.cols - index * group)));
      scales[row * groups + index] = scale_of(range);
    }
  });
  return scales;
}

/// What all rows of a tensor share.
struct Rounding {
  const Format& format;
  bool spread = false;
  const Affine* of_tensor = nullptr;  // null: fitted to each group
};

void round_row(const Rounding& rounding, std::span<const float> weights, MutableRowBytes out) {
  const Format& format = rounding.format;
  const std::size_t group = format.group == 0 ? weights.size() : std::min(format.group, weights.size());
  std::vector<Affine> affines;
  std::vector<std::int8_t> levels(weights.size());
  for (std::size_t begin = 0; begin < weights.size(); begin += group) {
    const auto group_weights = weights.subspan(begin, std::min(group, weights.size() - begin));
    affines.push_back(rounding.of_tensor != nullptr ? *rounding.of_tensor
                                                    : fit_group(format, group_weights, rounding.spread));
    round_levels(format, affines.back(), group_weights, levels.data() + begin);
  }
  format.pack(format, affines, levels, out);
}

class RoundToNearest : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    for (const auto& [name, value] : options)
      if (name != "grid" || (value != "zero" && value != "spread"))
        fail("the solver rtn has no option '{}{}{}'", name, value.empty() ? "" : "=", value);
    const bool integers = format.round_affine != nullptr && format.pack != nullptr && format.level_values.empty();
    const bool can_fit = integers || !format.float_levels.empty();
    if (format.floating_point || (format.encode_reference == nullptr && !can_fit))
      fail("the solver rtn does not write {}", format.id);
    if (is_spread(options) && (!format.has_offset || format.encode_reference != nullptr || format.scale_per_tensor))
      fail("the solver rtn has grid=spread only for integer formats with a zero point for each group, not for {}",
           format.id);
  }

  CalibrationNeeds needs(const std::map<std::string, std::string>&) const override { return {}; }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    if (!format.float_levels.empty())
      return store_rounded(input.weights, absmax_scales(format, input.weights, input.threads), input.threads, out);
    const bool spread = is_spread(input.options);
    Affine of_tensor;
    if (format.scale_per_tensor) of_tensor = fit_affine(format, range_of_tensor(input.weights, input.threads));
    parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
      MutableRowBytes bytes = out.row(row);
      if (row != 0) bytes.header = nullptr;
      if (format.encode_reference != nullptr) {
        format.encode_reference(format, input.weights.row(row), bytes);
      } else {
        round_row({format, spread, format.scale_per_tensor ? &of_tensor : nullptr}, input.weights.row(row), bytes);
      }
    });
  }

 private:
  static bool is_spread(const std::map<std::string, std::string>& options) {
    const auto grid = options.find("grid");
    return grid != options.end() && grid->second == "spread";
  }
};

const Register<SolverEntry> registered{
    "rtn",
    {std::make_shared<RoundToNearest>(), "round to nearest: absmax, zero point, or the format's plain rounding"}};

}  // namespace
}  // namespace quantbench
