#include "quantizers/solvers/search/codebook_block_scan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>
#include <vector>

#include "quantizers/solvers/search/codebook_lists.h"

namespace quantbench {
namespace {

/// Sorting a codebook takes milliseconds; it is done once, when it is first used.
CodebookLists sorted_lists(const CodebookLayout& layout) {
  static std::mutex mutex;
  static std::map<const std::int8_t*, SortedCodebook> codebooks;
  const std::lock_guard lock(mutex);
  return codebooks.try_emplace(layout.values.data(), layout.values, layout.codeword_weights).first->second.lists();
}

/// A power of two that brings `largest` to 1/2..1, in two factors as one may be out of range.
struct PowerOfTwo {
  float first = 1, second = 1;
  int exponent = 0;

  explicit PowerOfTwo(float largest) {
    std::frexp(largest, &exponent);
    first = std::ldexp(1.0f, -exponent / 2);
    second = std::ldexp(1.0f, -exponent - -exponent / 2);
  }
};

}  // namespace

const CodebookKernels& codebook_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return codebook_kernels_avx512();
  if (isa == Isa::avx2) return codebook_kernels_avx2();
#endif
  static_cast<void>(isa);
  return codebook_kernels_scalar();
}

CodebookFormat codebook_format(const Format& format) {
  const CodebookLayout& layout = *format.codebook;
  return {sorted_lists(layout), layout.signs,         static_cast<int>(format.group),
          layout.unit,          layout.largest_scale, layout.shift_of_group};
}

CodebookBlockScan::CodebookBlockScan(const CodebookFormat& format, const CodebookKernels& kernels, const float* weights,
                                     const float* importance)
    : format_(format),
      kernels_(kernels),
      groups_(weights_of_block / format.group),
      octets_of_group_(octets_of_block / groups_) {
  static const std::vector<float> uniform(weights_of_block, 1.0f);  // where no column counts, all count the same
  const float most_important = kernels.largest_magnitude(importance);
  const PowerOfTwo weight_factor(kernels.largest_magnitude(weights)), importance_factor(most_important);
  weight_exponent_ = weight_factor.exponent;
  importance_exponent_ = importance_factor.exponent;
  kernels.load_block({weights,
                      most_important == 0 ? uniform.data() : importance,
                      {weight_factor.first, weight_factor.second},
                      {importance_factor.first, importance_factor.second},
                      format.signs == CodebookSigns::shifted},
                     block_);
  if (format.signs == CodebookSigns::even)
    for (int octet = 0; octet < octets_of_block; ++octet)
      block_.odd[octet] = static_cast<float>(std::popcount(static_cast<unsigned>(block_.negative[octet])) % 2);
  measure_groups();
}

void CodebookBlockScan::measure_groups() {
  for (int group = 0; group < groups_; ++group) {
    float energy = 0, total = 0;
    for (int octet = group * octets_of_group_; octet < (group + 1) * octets_of_group_; ++octet) {
      energy += block_.energy[octet];
      total += block_.total_importance[octet];
    }
    energy_ += energy;
    typical_scale_[group] = total > 0 ? format_.lists.typical_scale * std::sqrt(energy / total) : 0.0f;
  }
}

ScanResult CodebookBlockScan::scan(const float* scale_of_group) const {
  alignas(64) float scale[octets_of_block];
  for (int group = 0; group < groups_; ++group)
    std::fill_n(scale + group * octets_of_group_, octets_of_group_, scale_of_group[group]);
  const ScanInput input{format_.lists, block_, scale, format_.shift_of_group ? octets_of_group_ : 1};
  const bool quads = format_.lists.codeword_weights == 4;
  ScanResult found;
  if (format_.signs == CodebookSigns::even)
    (quads ? kernels_.scan_quads_even : kernels_.scan_octets_even)(input, found);
  else if (format_.signs == CodebookSigns::free)
    (quads ? kernels_.scan_quads : kernels_.scan_octets)(input, found);
  else
    kernels_.scan_shifted(input, found);
  return found;
}

void CodebookBlockScan::store(const ScanResult& found, CodebookBlock& parts) const {
  const int codewords = 8 / format_.lists.codeword_weights;
  const bool is_signed = format_.signs == CodebookSigns::shifted;
  for (int octet = 0; octet < octets_of_block; ++octet) {
    for (int k = 0; k < codewords; ++k) parts.codewords[octet * codewords + k] = found.index[k][octet];
    const int turned = block_.odd[octet] != 0 ? 1 << found.turned[octet] : 0;
    parts.signs[octet] = static_cast<std::uint8_t>(is_signed ? 0 : block_.negative[octet] ^ turned);
    parts.shifts_down[octet] = found.shift[octet] < 0 ? 1 : 0;
  }
}

}  // namespace quantbench
