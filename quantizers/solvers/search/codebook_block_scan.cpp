#include "quantizers/solvers/search/codebook_block_scan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>

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
  float operator()(float value) const { return value * first * second; }
};

float largest_magnitude(const float* values) {
  float largest = 0;
  for (int i = 0; i < CodebookBlockScan::weights_of_block; ++i) largest = std::max(largest, std::fabs(values[i]));
  return largest;
}

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
    : format_(format), kernels_(kernels) {
  const float most_important = largest_magnitude(importance);
  const PowerOfTwo weight_factor(largest_magnitude(weights)), importance_factor(most_important);
  weight_exponent_ = weight_factor.exponent;
  importance_exponent_ = importance_factor.exponent;
  const bool is_signed = format_.signs == CodebookSigns::shifted;
  for (int octet = 0; octet < octets_of_block; ++octet) {
    unsigned negative = 0;
    for (int i = 0; i < 8; ++i) {
      const float weight = weight_factor(weights[8 * octet + i]);
      block_.magnitude[i][octet] = is_signed ? weight : std::fabs(weight);
      // Where no column of the block counts, all count the same.
      block_.importance[i][octet] = most_important == 0 ? 1.0f : importance_factor(importance[8 * octet + i]);
      negative |= (weight < 0 ? 1u : 0u) << i;
    }
    signs_[octet] = static_cast<std::uint8_t>(is_signed ? 0 : negative);
    block_.odd[octet] = format_.signs == CodebookSigns::even && std::popcount(negative) % 2 == 1 ? 1.0f : 0.0f;
  }
  measure_groups();
}

void CodebookBlockScan::measure_groups() {
  float energy[largest_groups] = {}, total[largest_groups] = {};
  for (int octet = 0; octet < octets_of_block; ++octet)
    for (int i = 0; i < 8; ++i) {
      const float importance = block_.importance[i][octet], weight = block_.magnitude[i][octet];
      energy[group_of(octet)] += importance * weight * weight;
      total[group_of(octet)] += importance;
    }
  for (int group = 0; group < groups(); ++group) {
    energy_ += energy[group];
    typical_scale_[group] =
        total[group] > 0 ? format_.lists.typical_scale * std::sqrt(energy[group] / total[group]) : 0.0f;
  }
}

FoundCodewords CodebookBlockScan::scan(const float* scale_of_group) const {
  alignas(64) float scale[octets_of_block];
  for (int octet = 0; octet < octets_of_block; ++octet) scale[octet] = scale_of_group[group_of(octet)];
  const ScanInput input{format_.lists, block_, scale, 0};
  const bool quads = format_.lists.codeword_weights == 4;
  FoundCodewords found;
  if (format_.signs == CodebookSigns::even)
    (quads ? kernels_.scan_quads_even : kernels_.scan_octets_even)(input, found.scan);
  else if (format_.signs == CodebookSigns::free)
    (quads ? kernels_.scan_quads : kernels_.scan_octets)(input, found.scan);
  else
    scan_shifts(input, found);
  for (const float error : found.scan.error) found.error += error;
  return found;
}

void CodebookBlockScan::scan_shifts(ScanInput input, FoundCodewords& found) const {
  ScanResult down;
  input.shift = 1;
  kernels_.scan_octets(input, found.scan);
  input.shift = -1;
  kernels_.scan_octets(input, down);
  const int together = format_.shift_of_group ? format_.group / 8 : 1;
  for (int first = 0; first < octets_of_block; first += together) {
    float difference = 0;
    for (int octet = first; octet < first + together; ++octet)
      difference += down.error[octet] - found.scan.error[octet];
    if (!(difference < 0)) continue;
    for (int octet = first; octet < first + together; ++octet) {
      found.shifts_down[octet] = 1;
      found.scan.error[octet] = down.error[octet];
      found.scan.a[octet] = down.a[octet];
      found.scan.b[octet] = down.b[octet];
      found.scan.index[0][octet] = down.index[0][octet];
    }
  }
}

void CodebookBlockScan::store(const FoundCodewords& found, CodebookBlock& parts) const {
  std::copy_n(found.shifts_down, octets_of_block, parts.shifts_down);
  const int codewords = 8 / format_.lists.codeword_weights;
  for (int octet = 0; octet < octets_of_block; ++octet) {
    for (int k = 0; k < codewords; ++k) parts.codewords[octet * codewords + k] = found.scan.index[k][octet];
    const unsigned turned = block_.odd[octet] != 0 ? 1u << found.scan.turned[octet] : 0u;
    parts.signs[octet] = static_cast<std::uint8_t>(signs_[octet] ^ turned);
  }
}

}  // namespace quantbench
