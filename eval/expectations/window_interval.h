// Differences of two cells over the windows of a text.
#pragma once

#include <cstddef>
#include <span>

namespace quantbench {

/// With fewer, an interval says nothing that one should believe.
inline constexpr std::size_t least_windows = 8;

struct WindowInterval {
  double mean = 0;
  double lower = 0, upper = 0;  // 95 % confidence interval of the mean
};

/// Of d_w = mean over the tokens of window w of (b - a): mean and mean -+ t s / sqrt(n), t the quantile of Student's
/// distribution with n - 1 degrees of freedom. a, b: values of the same tokens, `window` for each window. Windows and not
/// tokens are taken as independent: tokens of one window are hard and easy together. Throws Error when the lengths differ
/// or are not at least `least_windows` whole windows.
WindowInterval window_interval(std::span<const float> a, std::span<const float> b, std::size_t window);

/// 97.5 % quantile of Student's distribution: the expansion about the normal one (Abramowitz and Stegun 26.7.5), within
/// 0.001 from 7 degrees of freedom on.
double student_quantile(std::size_t degrees_of_freedom);

}  // namespace quantbench
