// The least error that a codebook format can store, found by trying everything: what the search is measured against.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "core/format.h"
#include "core/half.h"
#include "quantizers/solvers/search/codebook_block_scan.h"

namespace quantbench {

/// The error of each group at scales d * unit * (2 s + 1), added up for the best s.
inline double least_error_at(const CodebookFormat& format, const CodebookBlockScan& block, float d) {
  std::vector<double> least(static_cast<std::size_t>(block.groups()), std::numeric_limits<double>::infinity());
  for (int s = 0; s <= format.largest_scale; ++s) {
    float scale[CodebookBlockScan::largest_groups];
    std::fill_n(scale, block.groups(), d * format.unit * static_cast<float>(2 * s + 1));
    const ScanResult found = block.scan(scale);
    std::vector<double> error(least.size());
    for (int octet = 0; octet < octets_of_block; ++octet)
      error[static_cast<std::size_t>(octet / block.octets_of_group())] += found.error[octet];
    std::ranges::transform(least, error, least.begin(), [](double a, double b) { return std::min(a, b); });
  }
  double sum = 0;
  for (const double error : least) sum += error;
  return sum;
}

inline double least_error_of_codebook_block(const CodebookFormat& format, const CodebookBlockScan& block, int step) {
  float largest = 0;
  for (int group = 0; group < block.groups(); ++group) largest = std::max(largest, block.typical_scale(group));
  const float full =
      std::ldexp(largest / (format.unit * static_cast<float>(2 * format.largest_scale + 1)), block.weight_exponent());
  const int first = f32_to_f16(full / 4), last = std::min<int>(f32_to_f16(full * 4), 0x7BFF);
  double least = block.energy();
  for (int half = first; half <= last; half += step)
    least = std::min(
        least, least_error_at(format, block,
                              std::ldexp(f16_to_f32(static_cast<std::uint16_t>(half)), -block.weight_exponent())));
  return std::ldexp(least, 2 * block.weight_exponent() + block.importance_exponent());
}

/// Sum over super-blocks of the least sum importance (weight - decoded)^2 over every d of binary16 within a factor of four
/// of the one that gives the group with the largest scale the largest integer scale, both signs of d where that matters,
/// every integer scale of every group, and every codeword, sign and shift (compared by costs of
/// 16 bits, see codebook_scan.h). `weights` is a whole number of super-blocks and `importance` has their size.
/// Takes about a second for 1024 weights; `step` > 1 tries only every step-th d.
inline double exhaustive_codebook_error(const Format& format, std::span<const float> weights,
                                        std::span<const float> importance, int step = 1) {
  const CodebookFormat codebook = codebook_format(format);
  const CodebookKernels& kernels = codebook_kernels(best_isa());
  double sum = 0;
  for (std::size_t begin = 0; begin < weights.size(); begin += format.block) {
    std::vector<float> block(weights.begin() + static_cast<std::ptrdiff_t>(begin),
                             weights.begin() + static_cast<std::ptrdiff_t>(begin + format.block));
    double least = std::numeric_limits<double>::infinity();
    for (int sign = 0; sign < (codebook.signs == CodebookSigns::shifted ? 2 : 1); ++sign) {
      const CodebookBlockScan scan(codebook, kernels, block.data(), importance.data() + begin);
      least = std::min(least, least_error_of_codebook_block(codebook, scan, step));
      std::ranges::transform(block, block.begin(), std::negate<>());
    }
    sum += least;
  }
  return sum;
}

}  // namespace quantbench
