// Codewords of several weights chosen together, with error feedback.
//
// Let U_bb be the block of U that belongs to the eight columns of an octet. When the columns after it make up for what they can, rounding
// w to q costs |e|^2 with e = (w - q) U_bb^-1, and e is what they have to make up for: GPTQ's step for a whole vector. e is found
// one coordinate after the other,
//     t_i = w_i - sum_{k<i} e_k U_ki        e_i = (t_i - q_i) / U_ii
// so the best sign of a coordinate, given those before it, is that of t_i. All codewords are tried with these signs. Where the number of
// minus signs must be even and is not, codewords are compared with the estimate 4 |t_i| |q_i| / U_ii^2 of the cheapest turn of a
// sign, and for the chosen one all eight turns are tried.
#pragma once

#include <cstdint>
#include <vector>

#include "core/format.h"

namespace quantbench::gptq {

constexpr std::size_t octet = 8;

/// Weights of an octet as they are by now, and U_bb: factor[k * stride + i].
struct OctetTask {
  const float* weights = nullptr;
  const float* factor = nullptr;
  std::size_t stride = 0;
  float scale = 0;  // of a level
  int shift = 0;    // of formats with shifts: 1 or -1 when it is decided already, 0 when both may be tried
};

struct OctetChoice {
  std::uint16_t codewords[2] = {};  // one of eight weights, or two of four
  std::uint8_t signs = 0;           // bit i: weight i is negative
  bool shifted_down = false;
  float values[octet] = {};
  float errors[octet] = {};  // e
};

class CodewordChooser {
 public:
  explicit CodewordChooser(const CodebookLayout& layout);
  OctetChoice choose(const OctetTask& task) const;
  /// Weights of a codeword: 8 or 4.
  std::size_t width() const { return static_cast<std::size_t>(layout_.codeword_weights); }

 private:
  OctetChoice choose_shifted(const OctetTask& task) const;

  const CodebookLayout& layout_;
  std::size_t count_;          // codewords, a multiple of the chunk
  std::vector<float> levels_;  // (codeword_weights, count)
};

}  // namespace quantbench::gptq
