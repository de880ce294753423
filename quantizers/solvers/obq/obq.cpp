// The solver `obq`: greedy optimal brain quantization, the method from which GPTQ descends. For small layers: each row takes
// cols^3 / 3 multiply-adds.
//
// After E. Frantar, S. P. Singh, D. Alistarh: Optimal Brain Compression, NeurIPS 2022. Each row has a copy of H^-1 of its own and goes its
// own way: of the weights that are left, the one whose rounding costs least, (w_j - q_j)^2 / [H^-1]_jj, is rounded next; those that are
// left make up for it, and H^-1 becomes that of the matrix without row and column j. A weight that the others have pushed
// beyond the levels of its grid goes first, as it can only get worse.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "core/parallel.h"
#include "quantizers/solvers/gptq/cholesky_f64.h"
#include "quantizers/solvers/gptq/grid.h"
#include "quantizers/solvers/gptq/hessian.h"

namespace quantbench {
namespace {

using gptq::Grid;
using gptq::Rounder;

constexpr std::size_t most_cols = 4096;

double damp_of(const std::map<std::string, std::string>& options) {
  double damp = 0.01;
  for (const auto& [name, value] : options) {
    if (name != "damp") fail("the solver obq has no option '{}'", name);
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), damp);
    if (error != std::errc{} || end != value.data() + value.size() || !std::isfinite(damp) || damp < 0)
      fail("obq: damp is a number that is not negative, not '{}'", value);
  }
  return damp;
}

/// (H + damping)^-1 in f64, (cols, cols).
std::vector<double> inverse_hessian(const SolverInput& input, const gptq::Diagonal& diagonal, double damp) {
  const std::size_t cols = input.weights.cols;
  std::vector<float> matrix(checked_multiply(cols, cols));
  const auto hessian = input.calibration.second_moments;
  std::ranges::copy(hessian, matrix.begin());
  // The mean counts columns whose input was always 0, as published.
  double mean = 0;
  for (std::size_t i = 0; i < cols; ++i)
    if (diagonal.dead[i] == 0) mean += static_cast<double>(diagonal.values[i]) / static_cast<double>(cols);
  CholeskyF64 cholesky;
  gptq::raise_damping_until(input, damp, [&](double used) {
    for (std::size_t i = 0; i < cols; ++i) matrix[i * cols + i] = diagonal.values[i] + static_cast<float>(used * mean);
    return cholesky.factorize(matrix.data(), cols);
  });
  const std::vector<double> factor = cholesky.inverse_of_factor();  // L^-1; H^-1 = L'^-1 L^-1
  std::vector<double> inverse(cols * cols);
  parallel_for(input.threads, cols, [&](std::size_t i) {
    for (std::size_t k = i; k < cols; ++k) {
      const double weight = factor[k * cols + i];
      for (std::size_t j = 0; j <= k; ++j) inverse[i * cols + j] += weight * factor[k * cols + j];
    }
  });
  return inverse;
}

/// The weights of a row that are still free, with their part of H^-1.
class GreedyRow {
 public:
  GreedyRow(std::span<const float> weights, std::span<const Grid> grids, std::size_t group, const Rounder& rounder,
            const std::vector<double>& inverse)
      : grids_(grids), group_(group), rounder_(rounder), inverse_(inverse), levels_(weights.size()) {
    for (std::size_t column = 0; column < weights.size(); ++column) {
      columns_.push_back(column);
      weights_.push_back(static_cast<double>(weights[column]));
    }
  }

  const std::vector<std::int8_t>& quantize() {
    // Weights that are 0 stay so: every grid has a level for it.
    for (std::size_t i = weights_.size(); i-- > 0;)
      if (weights_[i] == 0) fix(i);
    while (!weights_.empty()) fix(next());
    return levels_;
  }

 private:
  const Grid& grid(std::size_t i) const { return grids_[columns_[i] / group_]; }
  float level(std::size_t i) const { return rounder_.level(grid(i), static_cast<float>(weights_[i])); }
  /// The level's value is rounded to f32 once, as published: not through the offset that is stored.
  double error(std::size_t i) const {
    return weights_[i] - static_cast<double>(grid(i).scale * (level(i) - grid(i).zero));
  }

  std::size_t next() const {
    std::size_t cheapest = 0, farthest = 0;
    double least = std::numeric_limits<double>::infinity(), most = 0;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double square = error(i) * error(i), cost = square / inverse_[i * weights_.size() + i];
      if (cost < least) least = cost, cheapest = i;
      const double step = static_cast<double>(grid(i).scale);
      if (square > step * step / 4 && square > most) most = square, farthest = i;
    }
    return most > 0 && weights_[cheapest] != 0 ? farthest : cheapest;
  }

  /// Rounds weight j, moves the others, and takes j out of H^-1.
  void fix(std::size_t j) {
    const std::size_t n = weights_.size();
    levels_[columns_[j]] = static_cast<std::int8_t>(level(j));
    const std::vector<double> row(inverse_.begin() + j * n, inverse_.begin() + (j + 1) * n);
    const double share = error(j) / row[j];
    for (std::size_t i = 0; i < n; ++i) weights_[i] -= row[i] * share;
    double* out = inverse_.data();
    for (std::size_t i = 0; i < n; ++i) {
      if (i == j) continue;
      const double* const in = inverse_.data() + i * n;
      const double factor = row[i] / row[j];
      for (std::size_t k = 0; k < j; ++k) *out++ = in[k] - factor * row[k];
      for (std::size_t k = j + 1; k < n; ++k) *out++ = in[k] - factor * row[k];
    }
    weights_.erase(weights_.begin() + static_cast<std::ptrdiff_t>(j));
    columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(j));
  }

  std::span<const Grid> grids_;
  std::size_t group_;
  const Rounder& rounder_;
  std::vector<double> inverse_;       // (free, free)
  std::vector<std::size_t> columns_;  // (free)
  std::vector<double> weights_;       // (free)
  std::vector<std::int8_t> levels_;   // (cols)
};

class Obq : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    damp_of(options);
    const bool integers =
        format.pack != nullptr && format.level_values.empty() && format.float_levels.empty() && !format.gguf_type;
    if (!integers || format.scale_per_tensor) fail("the solver obq does not write {}", format.id);
  }

  CalibrationNeeds needs(const std::map<std::string, std::string>&) const override { return {.second_moments = true}; }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    const std::size_t cols = input.weights.cols;
    if (cols > most_cols)
      fail("obq: rows of {} weights take too long, {} is the most; use gptq, which shares one order of columns", cols,
           most_cols);
    const auto hessian = input.calibration.second_moments;
    if (!hessian.empty()) gptq::check_moments(hessian, cols, "the matrix of second moments");
    const gptq::Diagonal diagonal = gptq::find_diagonal(hessian, cols, false);
    const double damp = damp_of(input.options);
    const std::vector<double> inverse = inverse_hessian(input, diagonal, damp);
    const Rounder rounder(format);
    gptq::Options range_of_weights;
    range_of_weights.searched_range = false;
    const gptq::GridFitter fitter(format, range_of_weights);
    const std::size_t group = format.group == 0 ? cols : std::min(format.group, cols);
    parallel_for(input.threads, input.weights.rows, [&](std::size_t row) {
      const auto weights = input.weights.row(row);
      // As published, columns whose input was always 0 count for the grid only where damping makes them like any other.
      std::vector<float> counted(weights.begin(), weights.end());
      for (std::size_t i = 0; i < cols && damp == 0; ++i)
        if (diagonal.dead[i] != 0) counted[i] = 0;
      std::vector<Grid> grids;
      std::vector<Affine> affines;
      for (std::size_t begin = 0; begin < cols; begin += group) {
        grids.push_back(fitter.fit({std::span(counted).subspan(begin, std::min(group, cols - begin))}));
        affines.push_back({grids.back().scale, grids.back().offset});
      }
      format.pack(format, affines, GreedyRow(weights, grids, group, rounder, inverse).quantize(), out.row(row));
    });
  }
};

const Register<SolverEntry> registered{
    "obq",
    {std::make_shared<Obq>(), "greedy optimal brain quantization: each row in an order of its own, small layers"}};

}  // namespace
}  // namespace quantbench
