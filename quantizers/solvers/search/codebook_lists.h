// Codebooks prepared for the exhaustive search of codebook_scan.h.
#pragma once

#include <span>
#include <vector>

#include "quantizers/solvers/search/codebook_scan.h"

namespace quantbench {

/// Owns what a CodebookLists points to.
class SortedCodebook {
 public:
  /// values (codewords, codeword_weights): codewords of 8 weights with 3 levels, or of 4 with 8, those with equal upper
  /// halves next to each other.
  SortedCodebook(std::span<const std::int8_t> values, int codeword_weights);
  CodebookLists lists() const;

 private:
  std::span<const std::int8_t> values_;
  int codeword_weights_;
  std::vector<std::int8_t> levels_;
  float typical_scale_;
  std::vector<std::uint16_t> codewords_;
  std::vector<CodebookLists::Pair> minima_, terms_;
  std::vector<CodebookLists::Chunk> chunks_;
};

}  // namespace quantbench
