// Axes: from values to a position between 0 and 1, with labelled ticks.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace quantbench {

struct Tick {
  double position = 0;     // in [0, 1]
  std::string label;       // the value
  std::string side_label;  // a second reading of the same place; may be empty
};

struct Axis {
  std::function<double(double value)> position;  // strictly increasing; [0, 1] for values in range
  std::vector<Tick> ticks;
};

struct ValueRange {
  double low = 0, high = 0;
};

/// 1, 2, 3, 4, 6, 8 ... bits; logarithmic, since one bit more matters most where bits are few.
Axis bits_axis(ValueRange values);
/// Decades; for positive values.
Axis logarithmic_axis(ValueRange values);
/// Perplexities around `reference`, linear within about 1 % of it and logarithmic beyond, so that both the differences
/// near the reference and the collapse at few bits can be read. Ticks are round percentages with the perplexity beside
/// them.
Axis excess_axis(ValueRange values, double reference);
/// Equal steps of 1, 2 or 5 times a power of ten.
Axis linear_axis(ValueRange values);

}  // namespace quantbench
