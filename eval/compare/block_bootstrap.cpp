#include "eval/compare/block_bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/error.h"
#include "eval/expectations/window_interval.h"

namespace quantbench {
namespace {

/// Where most windows are equal, many resamples hold nothing else and have no error of their own: t* would be infinite, and so would
/// the interval. They count with this part of the sample's error; of windows that vary, few resamples come near it.
constexpr double least_part_of_error = 0.1;

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double squares_about(double mean, std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum;
}

// The distributions of the standard library may give other numbers with another library; its generators may not.
std::size_t draw(std::mt19937_64& generator, std::size_t count) {
  constexpr double unit = 0x1p-53;
  return static_cast<std::size_t>(static_cast<double>(generator() >> 11) * unit * static_cast<double>(count));
}

std::vector<double> ring_of_blocks(std::span<const double> windows, std::size_t block) {
  std::vector<double> means(windows.size(), 0);
  for (std::size_t first = 0; first < windows.size(); ++first) {
    for (std::size_t i = 0; i < block; ++i) means[first] += windows[(first + i) % windows.size()];
    means[first] /= static_cast<double>(block);
  }
  return means;
}

/// t* of every resample, sorted.
std::vector<double> studentized(std::span<const double> blocks, std::size_t drawn, double mean, double error,
                                const BootstrapOptions& options) {
  std::mt19937_64 generator(options.seed);
  std::vector<double> sample(drawn), result(options.resamples);
  const auto count = static_cast<double>(drawn);
  for (double& t : result) {
    for (double& value : sample) value = blocks[draw(generator, blocks.size())];
    const double resampled = mean_of(sample);
    const double own = std::sqrt(squares_about(resampled, sample) / (count - 1) / count);
    t = (resampled - mean) / std::max(own, least_part_of_error * error);
  }
  std::ranges::sort(result);
  return result;
}

void check_options(const BootstrapOptions& options) {
  if (!(options.confidence >= 0.5 && options.confidence <= 0.999))
    fail("a confidence of {} is not between 0.5 and 0.999", options.confidence);
  if (options.resamples < 99) fail("{} resamples are too few for an interval", options.resamples);
}

}  // namespace

std::size_t bootstrap_block(std::size_t windows) {
  return static_cast<std::size_t>(std::max(1L, std::lround(std::cbrt(static_cast<double>(windows)))));
}

BootstrapInterval block_bootstrap(std::span<const double> windows, const BootstrapOptions& options) {
  check_options(options);
  if (windows.size() < least_windows)
    fail("{} windows are too few for an interval, which needs {}", windows.size(), least_windows);
  const std::size_t block = bootstrap_block(windows.size());
  const std::size_t drawn = (windows.size() + block - 1) / block;
  const double mean = mean_of(windows);
  const std::vector<double> blocks = ring_of_blocks(windows, block);
  const double error =
      std::sqrt(squares_about(mean, blocks) / (static_cast<double>(windows.size()) * static_cast<double>(drawn - 1)));
  if (error == 0) return {mean, mean, mean, windows.size(), block};
  const std::vector<double> t = studentized(blocks, drawn, mean, error, options);
  // The order statistic (resamples + 1) a / 2 from each end, rounded outwards.
  const double tail = static_cast<double>(options.resamples + 1) * (1 - options.confidence) / 2;
  const std::size_t from_end = std::max<std::size_t>(1, static_cast<std::size_t>(tail + 1e-9));
  return {mean, mean - t[t.size() - from_end] * error, mean - t[from_end - 1] * error, windows.size(), block};
}

}  // namespace quantbench
