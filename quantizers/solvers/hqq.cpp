// The solver `hqq`: half-quadratic quantization (Badri and Shaji 2023), which looks at nothing but the weights.
//
// The scale is that of the range; the zero point z is a real number, moved so that the norm sum |w - w'|^p, p = 0.7, of the error
// falls: outliers may be wrong so that the others are right. With sigma = 1/scale and codes q = 0..M, each round is
//     q = clamp(round(w sigma + z)), e = w - (q - z) / sigma
//     e' = sign(e) max(|e| - |e|^(p-1) / beta, 0)              the part of the error that is left to outliers
//     z = mean of q - (w - e') sigma
// for at most 20 rounds, beta = 10 times 1.01 a round, until the mean |e| of the group stops falling (published: of the tensor).
// The zero point is stored as the offset of Q4_1 and Q5_1. Integer formats have whole zero points: a grid that starts at one of them
// moves by less than a level, so nothing would be left of it. A group whose error norm is not smaller for it, once scale and
// offset are rounded, keeps the affine of its range.
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "quantizers/solver.h"

namespace quantbench {
namespace {

constexpr double norm_exponent = 0.7;
constexpr int most_rounds = 20;

/// scale * level + offset of the format's levels, before rounding to what it stores.
struct Grid {
  double scale = 0, offset = 0;
};

std::int8_t level_of(const Format& format, Affine affine, float weight) {
  if (affine.scale == 0) return 0;
  const double level =
      (static_cast<double>(weight) - static_cast<double>(affine.offset)) / static_cast<double>(affine.scale);
  return static_cast<std::int8_t>(
      std::clamp(std::nearbyint(level), static_cast<double>(format.level_min), static_cast<double>(format.level_max)));
}

double error_norm(const Format& format, Affine affine, std::span<const float> weights) {
  double sum = 0;
  for (const float weight : weights) {
    const double stored =
        static_cast<double>(affine.scale) * level_of(format, affine, weight) + static_cast<double>(affine.offset);
    sum += std::pow(std::fabs(static_cast<double>(weight) - stored), norm_exponent);
  }
  return sum;
}

Affine stored(const Format& format, Grid grid) {
  const float scale = format.round_affine(format, {static_cast<float>(grid.scale), 0}).scale;
  return format.round_affine(format, {scale, static_cast<float>(grid.offset)});
}

Grid first_grid(const Format& format, std::span<const float> weights) {
  const auto [smallest, largest] = std::ranges::minmax(weights);
  const double scale =
      (static_cast<double>(largest) - static_cast<double>(smallest)) / (format.level_max - format.level_min);
  return {scale, static_cast<double>(smallest) - scale * format.level_min};
}

/// One round: moves the offset, and returns the mean |e| of the grid that it was given.
double improve(const Format& format, std::span<const float> weights, double beta, Grid& grid) {
  double sum = 0, offsets = 0;
  for (const float each : weights) {
    const auto weight = static_cast<double>(each);
    const double level = std::clamp(std::nearbyint((weight - grid.offset) / grid.scale),
                                    static_cast<double>(format.level_min), static_cast<double>(format.level_max));
    const double error = weight - (grid.scale * level + grid.offset), magnitude = std::fabs(error);
    const double left = magnitude == 0 ? 0 : std::max(magnitude - std::pow(magnitude, norm_exponent - 1) / beta, 0.0);
    sum += magnitude;
    offsets += weight - std::copysign(left, error) - grid.scale * level;
  }
  const auto count = static_cast<double>(weights.size());
  grid.offset = offsets / count;
  return sum / count;
}

Affine fit(const Format& format, std::span<const float> weights) {
  const Grid first = first_grid(format, weights);
  const Affine plain = stored(format, first);
  if (!(first.scale > 0)) return plain;
  Grid grid = first, best = first;
  double least = HUGE_VAL, beta = 10;
  for (int round = 0; round < most_rounds; ++round, beta *= 1.01) {
    const Grid before = grid;
    const double error = improve(format, weights, beta, grid);
    if (!(error < least)) break;
    least = error;
    best = before;
  }
  const Affine found = stored(format, best);
  return error_norm(format, found, weights) < error_norm(format, plain, weights) ? found : plain;
}

class Hqq final : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    if (!options.empty()) fail("the solver hqq has no options; found '{}'", options.begin()->first);
    if (!format.has_offset || format.round_affine == nullptr || !format.level_values.empty() ||
        format.round_affine(format, {1, 0.375f}).offset != 0.375f)
      fail("the solver hqq moves zero points by parts of a level: it writes q4_1 and q5_1, not {}", format.id);
  }

  CalibrationNeeds needs(const std::map<std::string, std::string>&) const override { return {}; }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
      const auto weights = input.weights.row(row);
      const std::size_t group = format.group == 0 ? weights.size() : std::min(format.group, weights.size());
      std::vector<Affine> affines;
      std::vector<std::int8_t> levels;
      for (std::size_t begin = 0; begin < weights.size(); begin += group) {
        const auto part = weights.subspan(begin, std::min(group, weights.size() - begin));
        affines.push_back(fit(format, part));
        for (const float weight : part) levels.push_back(level_of(format, affines.back(), weight));
      }
      format.pack(format, affines, levels, out.row(row));
    });
  }
};

const Register<SolverEntry> registered{
    "hqq",
    {std::make_shared<Hqq>(), "half-quadratic: zero points of least error norm p = 0.7, from the weights alone"}};

}  // namespace
}  // namespace quantbench
