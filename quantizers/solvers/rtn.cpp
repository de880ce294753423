// The solver `rtn`: round to nearest.
//
// Formats that define a plain rounding of their own (the GGUF family) use it. Integer formats get one affine per group:
//   symmetric (absmax)         scale = max |w| / (2^(bits-1) - 1), levels -(2^(bits-1)-1) .. 2^(bits-1)-1. The lowest
//                              level is not used, as in the absmax of LLM.int8() and SmoothQuant: -w always becomes minus
//                              the level of w, and the largest weight is met exactly. At 2 bits that leaves -1, 0, 1.
//   asymmetric (zero point)    scale = (max - min) / (2^bits - 1), where the range is widened to hold zero, so that the
//                              zero point is a level and the weight 0 is stored exactly.
// The scale is rounded to the type it is stored in first, and zero point and levels are rounded with the stored scale.
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "quantizers/solver.h"

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

void round_row(const Format& format, std::span<const float> weights, const Affine* of_tensor, MutableRowBytes out) {
  const std::size_t group = format.group == 0 ? weights.size() : std::min(format.group, weights.size());
  std::vector<Affine> affines;
  std::vector<std::int8_t> levels(weights.size());
  for (std::size_t begin = 0; begin < weights.size(); begin += group) {
    const auto group_weights = weights.subspan(begin, std::min(group, weights.size() - begin));
    Range range;
    if (of_tensor == nullptr) range.add(group_weights);
    affines.push_back(of_tensor != nullptr ? *of_tensor : fit_affine(format, range));
    round_levels(format, affines.back(), group_weights, levels.data() + begin);
  }
  format.pack(format, affines, levels, out);
}

class RoundToNearest : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    if (!options.empty()) fail("the solver rtn has no options; found '{}'", options.begin()->first);
    const bool can_fit = format.round_affine != nullptr && format.pack != nullptr && format.level_values.empty();
    if (format.floating_point || (format.encode_reference == nullptr && !can_fit))
      fail("the solver rtn does not write {}", format.id);
  }

  CalibrationNeeds needs(const std::map<std::string, std::string>&) const override { return {}; }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    Affine of_tensor;
    if (format.scale_per_tensor) of_tensor = fit_affine(format, range_of_tensor(input.weights, input.threads));
    parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
      MutableRowBytes bytes = out.row(row);
      if (row != 0) bytes.header = nullptr;
      if (format.encode_reference != nullptr) {
        format.encode_reference(format, input.weights.row(row), bytes);
      } else {
        round_row(format, input.weights.row(row), format.scale_per_tensor ? &of_tensor : nullptr, bytes);
      }
    });
  }
};

const Register<SolverEntry> registered{
    "rtn",
    {std::make_shared<RoundToNearest>(), "round to nearest: absmax, zero point, or the format's plain rounding"}};

}  // namespace
}  // namespace quantbench
