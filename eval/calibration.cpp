#include "eval/calibration.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "core/parallel.h"

namespace quantbench {
namespace {

/// Running sums per column.
class LayerSums {
 public:
  void add(MatrixView input, int threads) {
    absolute_.resize(input.cols);
    square_.resize(input.cols);
    most_.resize(input.cols);
    constexpr std::size_t columns_per_task = 64;
    parallel_for(threads, divide_up(input.cols, columns_per_task), [&](std::size_t task) {
      const std::size_t first = task * columns_per_task;
      add_columns(input, first, std::min(first + columns_per_task, input.cols));
    });
    tokens_ += input.rows;
  }

  LayerStatistics statistics() const {
    LayerStatistics statistics;
    statistics.tokens = tokens_;
    const auto tokens = static_cast<double>(tokens_);
    for (const double sum : absolute_) statistics.mean_absolute.push_back(static_cast<float>(sum / tokens));
    for (const double sum : square_) statistics.mean_square.push_back(static_cast<float>(sum / tokens));
    statistics.max_absolute = most_;
    return statistics;
  }

  bool finite() const {
    return std::ranges::all_of(square_, [](double sum) { return std::isfinite(sum); });
  }

 private:
  void add_columns(MatrixView input, std::size_t first, std::size_t last) {
    for (std::size_t token = 0; token < input.rows; ++token) {
      const float* const row = input.row(token).data();
      for (std::size_t column = first; column < last; ++column) {
        const float magnitude = std::fabs(row[column]);
        const double wide = magnitude;
        absolute_[column] += wide;
        square_[column] += wide * wide;
        most_[column] = std::max(most_[column], magnitude);
      }
    }
  }

  std::vector<double> absolute_, square_;  // (cols)
  std::vector<float> most_;                // (cols)
  std::size_t tokens_ = 0;
};

}  // namespace

LayerCalibration LayerStatistics::view() const {
  return {
      .mean_square = mean_square, .mean_absolute = mean_absolute, .max_absolute = max_absolute, .second_moments = {}};
}

Calibration collect_calibration(const Model& model, const Weights& weights, const Windows& windows,
                                const CalibrationOptions& options) {
  std::map<std::string, LayerSums, std::less<>> sums;
  ForwardOptions forward;
  forward.threads = options.threads;
  forward.observe_output = options.output;
  forward.observer = [&](std::string_view name, MatrixView input) {
    LayerSums& layer = sums.try_emplace(std::string(name)).first->second;
    layer.add(input, options.threads);
    if (!layer.finite()) fail("calibration: the input of {} is not finite", name);
  };
  for_each_batch(windows, options.progress,
                 [&](std::size_t, const TokenBatch& batch) { model.forward(weights, batch, forward, LogitsSink()); });
  Calibration calibration;
  for (const auto& [name, layer] : sums) calibration.emplace(name, layer.statistics());
  return calibration;
}

}  // namespace quantbench
