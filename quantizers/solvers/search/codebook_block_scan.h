// A super-block of a codebook format, brought to a common size and scanned at given scales.
#pragma once

#include "core/format.h"
#include "quantizers/solvers/search/codebook_scan.h"

namespace quantbench {

/// What the search has to know of a format.
struct CodebookFormat {
  CodebookLists lists;
  CodebookSigns signs = CodebookSigns::free;
  int group = 0;  // weights that share an integer scale
  float unit = 0;
  int largest_scale = 0;
  bool shift_of_group = false;
};

/// Of a format with a codebook. What it points to lives as long as the program. Thread-safe.
CodebookFormat codebook_format(const Format& format);

class CodebookBlockScan {
 public:
  static constexpr int weights_of_block = 256;
  static constexpr int largest_groups = 16;

  /// weights, importance: 256 each.
  CodebookBlockScan(const CodebookFormat& format, const CodebookKernels& kernels, const float* weights,
                    const float* importance);

  /// Sum importance weight^2: the error of storing nothing. 0 only when all weights are.
  double energy() const { return energy_; }
  int groups() const { return groups_; }
  int octets_of_group() const { return octets_of_group_; }
  /// Weights are in units of 2^exponent and importance in a unit of its own, so that the largest are between 1/2 and 1.
  int weight_exponent() const { return weight_exponent_; }
  int importance_exponent() const { return importance_exponent_; }
  /// A scale that may suit the group: that which gives the codebook the root mean square of its weights.
  float typical_scale(int group) const { return typical_scale_[group]; }

  /// The best codewords, signs and shifts at these scales (groups), which are >= 0.
  ScanResult scan(const float* scale_of_group) const;
  /// What was found, as it is stored; d and the integer scales are left to the caller.
  void store(const ScanResult& found, CodebookBlock& parts) const;

 private:
  void measure_groups();

  const CodebookFormat& format_;
  const CodebookKernels& kernels_;
  const int groups_, octets_of_group_;
  ScanBlock block_;
  int weight_exponent_ = 0, importance_exponent_ = 0;
  float typical_scale_[largest_groups] = {};
  double energy_ = 0;
};

}  // namespace quantbench
