#include "eval/layer_statistics.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "core/parallel.h"

namespace quantbench {
namespace {

std::vector<float> means(const std::vector<double>& sums, std::size_t tokens) {
  std::vector<float> means;
  for (const double sum : sums) means.push_back(static_cast<float>(sum / static_cast<double>(tokens)));
  return means;
}

std::vector<float> differences(MatrixView original, MatrixView input) {
  if (original.rows != input.rows || original.cols != input.cols)
    fail("inputs of {} x {} in the original model do not fit those of {} x {}", original.rows, original.cols,
         input.rows, input.cols);
  std::vector<float> result(input.values.size());
  std::ranges::transform(original.values, input.values, result.begin(), std::minus<>());
  return result;
}

std::size_t bytes_of(const std::vector<float>& values) { return values.size() * sizeof(float); }

}  // namespace

LayerCalibration LayerStatistics::view() const {
  return {.mean_square = mean_square,
          .mean_absolute = mean_absolute,
          .max_absolute = max_absolute,
          .second_moments = second_moments,
          .cross_moments = cross_moments};
}

std::size_t LayerStatistics::bytes() const {
  return bytes_of(mean_absolute) + bytes_of(max_absolute) + bytes_of(mean_square) + bytes_of(second_moments) +
         bytes_of(cross_moments);
}

LayerSums::LayerSums(std::size_t cols, const CalibrationNeeds& needs) : absolute_(cols), square_(cols), most_(cols) {
  if (needs.second_moments) moments_.emplace(cols, ProductSums::Kind::symmetric);
  if (needs.cross_moments) cross_.emplace(cols, ProductSums::Kind::general);
}

void LayerSums::add(MatrixView input, MatrixView original, std::size_t window, int threads) {
  if (input.cols != most_.size()) fail("{} input columns, expected {}", input.cols, most_.size());
  constexpr std::size_t columns_per_task = 64;
  parallel_for(threads, divide_up(input.cols, columns_per_task), [&](std::size_t task) {
    const std::size_t first = task * columns_per_task;
    add_columns(input, first, std::min(first + columns_per_task, input.cols));
  });
  tokens_ += input.rows;
  if (!moments_ && !cross_) return;
  const TransposedTokens tokens(input, window, threads);
  if (moments_) moments_->add(tokens, tokens, threads);
  if (cross_) {
    const std::vector<float> difference = differences(original, input);
    cross_->add(TransposedTokens({difference, input.rows, input.cols}, window, threads), tokens, threads);
  }
}

void LayerSums::add_columns(MatrixView input, std::size_t first, std::size_t last) {
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

bool LayerSums::finite() const {
  return std::ranges::all_of(square_, [](double sum) { return std::isfinite(static_cast<float>(sum)); });
}

LayerStatistics LayerSums::statistics() const {
  LayerStatistics statistics;
  statistics.tokens = tokens_;
  statistics.mean_absolute = means(absolute_, tokens_);
  statistics.max_absolute = most_;
  statistics.mean_square = means(square_, tokens_);
  const double factor = 2 / static_cast<double>(tokens_);
  if (moments_) statistics.second_moments = moments_->times(factor);
  if (cross_) statistics.cross_moments = cross_->times(factor);
  return statistics;
}

std::size_t LayerSums::bytes() const {
  return (absolute_.size() + square_.size()) * sizeof(double) + bytes_of(most_) + (moments_ ? moments_->bytes() : 0) +
         (cross_ ? cross_->bytes() : 0);
}

std::size_t LayerSums::bytes_for(std::size_t cols, const CalibrationNeeds& needs) {
  return cols * (2 * sizeof(double) + sizeof(float)) +
         (needs.second_moments ? ProductSums::bytes_for(cols, ProductSums::Kind::symmetric) : 0) +
         (needs.cross_moments ? ProductSums::bytes_for(cols, ProductSums::Kind::general) : 0);
}

std::size_t LayerStatistics::bytes_for(std::size_t cols, const CalibrationNeeds& needs) {
  const std::size_t matrices = (needs.second_moments ? 1 : 0) + (needs.cross_moments ? 1 : 0);
  return (3 * cols + matrices * checked_multiply(cols, cols)) * sizeof(float);
}

}  // namespace quantbench
