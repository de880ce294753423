// The codebooks of the IQ formats: integers for runs of eight weights (octets) or of four (quads).
//
// Defined in a source file and not inline: vector kernels read them, and would otherwise each bring a shared copy along.
// CUDA sources define them each for itself, as device code refers to nothing outside of its source. Aligned for loads of a codeword.
// Signed bytes in index order, as decoders want them; codebook_keys.h holds the same in a quarter of the size.
#pragma once

#include <cstdint>

namespace quantbench::formats {

template <int weights_, int codewords_>
struct Codebook {
  static constexpr int weights = weights_, codewords = codewords_;
  alignas(8) std::int8_t values[codewords * weights];  // (codewords, weights)
};

#if !defined(__CUDACC__)
extern const Codebook<8, 2048> iq1_codebook;     // 8 * {-1, 0, 1}: in these units the shift of 1/8 is 1
extern const Codebook<8, 256> iq2_xxs_codebook;  // {8, 25, 43}
extern const Codebook<8, 512> iq2_xs_codebook;
extern const Codebook<8, 1024> iq2_s_codebook;
extern const Codebook<4, 256> iq3_xxs_codebook;  // {4, 12, 20, 28, 36, 44, 52, 62}
extern const Codebook<4, 512> iq3_s_codebook;    // {1, 3, 5, 7, 9, 11, 13, 15}

/// Octets of +1 and of -1: the shift that each octet of IQ1_M chooses.
extern const Codebook<8, 2> iq1_shifts;
#endif

}  // namespace quantbench::formats

#if defined(__CUDACC__)
#include "quantizers/formats/codebook_values.h"
#endif
