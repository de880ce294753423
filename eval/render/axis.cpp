#include "eval/render/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace quantbench {
namespace {

using Transform = std::function<double(double)>;

/// An axis over `transform`ed values with some room at both ends.
Axis axis_of(ValueRange values, const Transform& transform, double room = 0.05) {
  double low = transform(values.low);
  double high = transform(values.high);
  if (!(high > low)) {
    low -= 0.5;
    high += 0.5;
  }
  const double margin = room * (high - low);
  const double start = low - margin;
  const double span = high - low + 2 * margin;
  return {[=](double value) { return (transform(value) - start) / span; }, {}};
}

bool inside(double position) { return position >= 0 && position <= 1; }

/// Adds ticks in order of preference, leaving out those too near to one that is there.
void add_ticks(Axis& axis, const std::vector<double>& values, double least_distance,
               const std::function<Tick(double)>& label) {
  for (const double value : values) {
    Tick tick = label(value);
    tick.position = axis.position(value);
    const bool crowded = std::ranges::any_of(
        axis.ticks, [&](const Tick& other) { return std::abs(other.position - tick.position) < least_distance; });
    if (inside(tick.position) && !crowded) axis.ticks.push_back(std::move(tick));
  }
}

std::string plain(double value) { return fmt::format("{:g}", value); }

}  // namespace

Axis bits_axis(ValueRange values) {
  Axis axis = axis_of(values, [](double bits) { return std::log2(std::max(bits, 1e-3)); });
  add_ticks(axis, {2, 4, 8, 16, 32, 3, 6, 12, 24, 5, 7, 1, 1.5, 2.5, 3.5, 4.5, 10, 20}, 0.045, [](double bits) {
    return Tick{0, plain(bits), ""};
  });
  return axis;
}

Axis logarithmic_axis(ValueRange values) {
  Axis axis = axis_of(values, [](double value) { return std::log10(std::max(value, 1e-300)); });
  std::vector<double> candidates;
  for (const double factor : {1.0, 3.0, 2.0, 5.0})
    for (int power = -12; power <= 6; ++power) candidates.push_back(factor * std::pow(10.0, power));
  const auto label = [](double value) { return Tick{0, plain(value), ""}; };
  add_ticks(axis, candidates, 0.06, label);
  constexpr std::size_t few = 4;
  if (axis.ticks.size() >= few) return axis;
  std::vector<double> between;
  for (const double factor : {7.0, 1.5, 4.0, 6.0, 8.0, 1.2, 2.5, 9.0})
    for (int power = -12; power <= 6; ++power) between.push_back(factor * std::pow(10.0, power));
  add_ticks(axis, between, 0.1, label);
  return axis;
}

Axis excess_axis(ValueRange values, double reference) {
  constexpr double linear_part = 0.01;
  const Transform transform = [reference](double value) { return std::asinh((value / reference - 1) / linear_part); };
  Axis axis = axis_of({std::min(values.low, reference), std::max(values.high, reference)}, transform);
  std::vector<double> candidates = {reference};
  for (const double percent : {1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 3.0, 30.0, 300.0, 3e3, 3e4, -1.0, 0.5, -0.5})
    candidates.push_back(reference * (1 + percent / 100));
  add_ticks(axis, candidates, 0.05, [reference](double value) {
    const double percent = 100 * (value / reference - 1);
    const int decimals = value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0;
    return Tick{0, fmt::format("{:.{}f}", value, decimals),
                std::abs(percent) < 1e-9 ? "f32" : fmt::format("{:+.{}f} %", percent, std::abs(percent) < 1 ? 1 : 0)};
  });
  return axis;
}

Axis linear_axis(ValueRange values) {
  Axis axis = axis_of(
      values, [](double value) { return value; }, 0.08);
  const double span = std::max(values.high - values.low, 1e-9);
  double step = std::pow(10, std::floor(std::log10(span / 4)));
  for (const double factor : {5.0, 2.0})
    if (span / (step * factor) >= 3.5) {
      step *= factor;
      break;
    }
  std::vector<double> candidates;
  for (double value = std::floor(values.low / step - 1) * step; value <= values.high + 2 * step; value += step)
    candidates.push_back(std::abs(value) < step / 1e6 ? 0 : value);
  add_ticks(axis, candidates, 0.05, [](double value) { return Tick{0, fmt::format("{:.6g}", value), ""}; });
  return axis;
}

}  // namespace quantbench
