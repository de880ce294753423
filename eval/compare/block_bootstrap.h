// How well the mean of a figure over the windows of a text is known: a bootstrap of blocks of neighbouring windows.
//
// For windows d_1 .. d_n with mean m, b the block length and k = ceil(n / b):
//   c_i  = mean of d_i .. d_(i+b-1), the text closed to a ring (i = 1 .. n)
//   se^2 = sum_i (c_i - m)^2 / (n (k - 1))                                    error of m, neighbours allowed to be alike
//   a resample is k of the c_i, drawn with replacement: m* their mean, se*^2 = their variance / k,  t* = (m* - m) / se*
//   interval = [m - q(1 - a/2) se, m - q(a/2) se]     q: quantiles of t* over the resamples, 1 - a the confidence
// Blocks: H. R. Künsch, Annals of Statistics 17 (1989); the ring: Politis and Romano (1992); studentized: Götze and Künsch, Annals
// of Statistics 24 (1996), and Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 12.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quantbench {

struct BootstrapOptions {
  double confidence = 0.95;      // in [0.5, 0.999]
  std::size_t resamples = 4999;  // so that (resamples + 1) a / 2 is a whole number for the usual confidences
  std::uint64_t seed = 1;        // the same numbers give the same interval, on every machine
};

struct BootstrapInterval {
  double mean = 0;
  double lower = 0, upper = 0;  // of the mean, in its unit
  std::size_t windows = 0;
  std::size_t block = 0;  // windows of a block
};

/// The cube root of the number of windows, rounded: the rate at which a block should grow with the text (Künsch 1989).
std::size_t bootstrap_block(std::size_t windows);

/// windows: the mean of the figure over each window, in the order of the text, all of the same number of tokens. Throws Error
/// when there are fewer than `least_windows` (eval/expectations/window_interval.h), and for options out of range.
BootstrapInterval block_bootstrap(std::span<const double> windows, const BootstrapOptions& options = {});

}  // namespace quantbench
