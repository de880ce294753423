// The mean of a function of a row's numbers, in f64: 8 interleaved partial sums, added pairwise, so that it vectorises and its
// bits do not depend on the instruction set.
#pragma once

#include <cstddef>
#include <span>

namespace quantbench {

template <class Function>
double row_mean(std::span<const float> row, const Function& function) {
  constexpr std::size_t lanes = 8;
  double sums[lanes] = {};
  std::size_t index = 0;
  for (; index + lanes <= row.size(); index += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += function(static_cast<double>(row[index + lane]));
  }
  for (std::size_t lane = 0; index < row.size(); ++index, ++lane)
    sums[lane] += function(static_cast<double>(row[index]));
  const double sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  return sum / static_cast<double>(row.size());
}

}  // namespace quantbench
