// The solver `gptq`: columns are rounded one after the other, and what the rounding of each does to the layer's output is made
// up for, as far as possible, by the columns that follow (docs/gptq.md).
//
// It minimises tr((W - Q) H (W - Q)') greedily, H = 2/n X'X of the layer's inputs. After E. Frantar, S. Ashkboos, T. Hoefler,
// D. Alistarh: GPTQ, ICLR 2023.
#include <algorithm>
#include <limits>

#include "core/checked.h"
#include "core/parallel.h"
#include "quantizers/solver.h"
#include "quantizers/solvers/gptq/gain.h"
#include "quantizers/solvers/gptq/row_panel.h"

namespace quantbench::gptq {
namespace {

constexpr std::size_t most_rows_of_panel = 240, least_rows_of_panel = 24;

void check_limits(const SolverInput& input, const Format& format) {
  const std::size_t limits = input.calibration.grid_limits.size();
  const std::size_t expected = input.weights.rows * format.groups_of_row(input.weights.cols);
  if (limits != 0 && limits != expected) fail("gptq: {} limits of grids given, expected {}", limits, expected);
}

std::vector<float> scaled(MatrixView weights, float gain, int threads) {
  static constexpr float largest = std::numeric_limits<float>::max();
  std::vector<float> result(weights.values.size());
  parallel_for(threads, weights.rows, [&](std::size_t row) {
    std::ranges::transform(weights.row(row), result.begin() + static_cast<std::ptrdiff_t>(row * weights.cols),
                           [gain](float weight) { return std::clamp(weight * gain, -largest, largest); });
  });
  return result;
}

/// Integer formats have groups, all others blocks of one or more.
Grouping grouping_of(const Format& format) {
  return {.group = format.group,
          .unit = std::max(format.group, format.block == 1 ? 0 : format.block),
          .together = format.codebook != nullptr ? octet : 1};
}

class Gptq : public Solver {
 public:
  void check(const Format& format, const std::map<std::string, std::string>& options) const override {
    check_format(format, parse_options(options));
  }

  CalibrationNeeds needs(const std::map<std::string, std::string>& options) const override {
    return {.second_moments = true, .cross_moments = parse_options(options).asymmetry > 0};
  }

  bool takes_grid_limits(const std::map<std::string, std::string>& options) const override {
    return parse_options(options).dynamic_group == 0;
  }

  void quantize(const SolverInput& input, TensorData& out) const override {
    const Format& format = *out.view().format;
    const Options options = parse_options(input.options);
    check_limits(input, format);
    const Problem problem = prepare(input, options, grouping_of(format));
    // Limits of grids are about the weights as they are.
    const bool wants_gain = options.gain && input.calibration.grid_limits.empty() && !format.scale_per_tensor;
    const float gain = wants_gain ? unbiased_gain({input, options, problem, format}) : 1;
    if (gain == 1) return quantize_panels({input, options, problem, format}, out);
    const std::vector<float> weights = scaled(input.weights, gain, input.threads);
    SolverInput of_scaled = input;
    of_scaled.weights.values = weights;
    quantize_panels({of_scaled, options, problem, format}, out);
  }

 private:
  static void quantize_panels(PanelContext context, TensorData& out) {
    const SolverInput& input = context.input;
    const Format& format = context.format;
    Grid of_tensor;
    if (format.scale_per_tensor) {
      of_tensor = GridFitter(format, context.options).fit({.weights = input.weights.values});
      context.grid_of_tensor = &of_tensor;
    }
    const std::size_t rows = input.weights.rows;
    const std::size_t panel_rows = std::clamp(divide_up(rows, static_cast<std::size_t>(std::max(input.threads, 1))),
                                              least_rows_of_panel, most_rows_of_panel);
    parallel_for(input.threads, divide_up(rows, panel_rows), [&](std::size_t index) {
      const std::size_t first = index * panel_rows;
      RowPanel panel(context, first, std::min(panel_rows, rows - first));
      panel.quantize();
      panel.pack(out);
    });
  }
};

const Register<SolverEntry> registered{
    "gptq", {std::make_shared<Gptq>(), "rounding with error feedback along the Hessian of the layer's inputs"}};

}  // namespace
}  // namespace quantbench::gptq
