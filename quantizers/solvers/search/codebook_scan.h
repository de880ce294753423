// The inner loops of the encoder of codebook formats: exhaustive search over codewords, and over super-block scales.
//
// A super-block has 32 octets, and each is a lane: whatever is summed over the weights of an octet is summed in the same
// order on every instruction set, so all of them find the same codewords.
//
// How an exhaustive search is cheap. The error of a codeword is the sum of the errors of its halves. So tables are made,
// for each lane, of the error of every pattern that a half can take (81 of four weights with three levels, 64 of two
// weights with eight). Codewords are sorted by their upper half, so the best of a chunk with the same upper half costs one
// addition to the minimum over the lower halves that it knows; and minima of lower halves that several chunks know are
// taken once (codebook_lists.h). IQ1 with its 2048 codewords comes to 730 minima and 81 additions for all lanes.
//
// Errors are compared as costs of 16 bits, of which a register holds most: a weight's cost is what its error exceeds that of
// its nearest level by, in units that suit the octet's importance and scale. Minima do not tell whose they are; the pattern
// of the lower half is found at the end, by comparing its cost with all of them.
//
// Where the number of minus signs has to be even and is odd, one sign must be turned. Turning that of weight i with level
// v costs 4 scale importance_i |x_i| v, and turning three is never better than one: so a second table holds the errors
// with the cheapest turn in that half, and a codeword costs the better of (upper turned, lower not) and the reverse.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace quantbench {

/// A codebook prepared for the search. Levels of a weight are numbered from 0, and the pattern of a half is the number with
/// these digits, its first weight the lowest. Entries of the table of a lower half are its patterns, then minima of two
/// earlier entries each; they are given as 16 times their number, which addresses need. Plain pointers, as vector code
/// shares no inline functions.
struct CodebookLists {
  struct Chunk {
    std::uint16_t upper[2] = {};                  // patterns of the quarters of its upper half
    std::uint16_t first_term = 0, last_term = 0;  // entries whose minimum is that of all its lower halves, in pairs
  };
  struct Pair {
    std::uint16_t a = 0, b = 0;  // entries
  };
  static constexpr int most_patterns = 81, most_minima = 256;
  static constexpr std::uint16_t no_codeword = 65535;  // where the pattern is none of the chunk

  int codeword_weights = 0;             // 8 or 4
  float levels[8] = {};                 // ascending; 3 with codewords of eight weights, 8 with those of four
  const std::int8_t* values = nullptr;  // (codewords, codeword_weights)
  const Pair* minima = nullptr;         // (minimum_count) entries after the patterns
  int minimum_count = 0;
  const Chunk* chunks = nullptr;  // (chunk_count)
  int chunk_count = 0;
  const Pair* terms = nullptr;
  const std::uint16_t* codewords = nullptr;  // (chunk_count, most_patterns), by pattern of the lower half
  float cost_range = 0;     // the most that a weight can cost, over scale^2 sum of the octet's importance
  float typical_scale = 0;  // of codewords for weights whose mean square is 1: 1 / root mean square of their entries
};

constexpr int octets_of_block = 32;

/// 256 weights and their importance, in the order of a row.
struct BlockSource {
  const float* weights;
  const float* importance;
  float weight_factors[2], importance_factors[2];  // to multiply them by, one after the other
  bool is_signed = false;                          // codewords are
};

/// A super-block by coordinate and octet.
struct alignas(64) ScanBlock {
  float magnitude[8][octets_of_block];      // |weight|; the weight itself where codewords are signed
  float importance[8][octets_of_block];     // >= 0
  float total_importance[octets_of_block];  // sum importance
  float energy[octets_of_block];            // sum importance weight^2
  std::int32_t negative[octets_of_block];   // bit i: weight i is
  float odd[octets_of_block] = {};          // 1 where one sign must be turned, else 0
};

/// The best codewords at given scales.
struct alignas(64) ScanResult {
  float error[octets_of_block];  // sum importance (magnitude - scale level)^2
  // sum importance magnitude level, and sum importance level^2: the error at another scale s is s^2 b - 2 s a + constant
  float a[octets_of_block], b[octets_of_block];
  std::int32_t turned[octets_of_block];     // the weight whose sign is turned; only where `odd`
  float shift[octets_of_block];             // added to all levels
  std::uint16_t index[2][octets_of_block];  // codewords; two of four weights, or [0] of eight
};

struct ScanInput {
  const CodebookLists& lists;
  const ScanBlock& block;
  const float* scale;       // (octets) >= 0
  int octets_of_shift = 1;  // that have a shift of +-1 together
};

/// Codewords of groups found so far, as what they make of the error: scale^2 b - 2 scale a + a constant.
struct alignas(64) CodewordPool {
  static constexpr int largest = 64;
  float a[largest][16], b[largest][16], best_scale[largest][16];  // (count, groups)
  // (groups) The least error of all, were the scale free: how much less than without them, and the scale.
  float largest_gain[16] = {}, scale_of_least[16] = {};
  int count = 0;
};

/// Scales of a super-block that the pool is asked about.
struct ScaleGrid {
  float unit = 0;
  int largest = 0;  // of the integer scales
  int groups = 0;
};

/// For one d: the integer scales that serve the pool best, and what was taken from it.
struct alignas(64) ScaleChoice {
  float scale[16];  // (groups) the integers s
  float a[16], b[16], gain[16];
};

struct CodebookKernels {
  /// Of 256 numbers.
  float (*largest_magnitude)(const float*);
  /// All but `odd`.
  void (*load_block)(const BlockSource&, ScanBlock&);
  void (*scan_octets)(const ScanInput&, ScanResult&);
  void (*scan_octets_even)(const ScanInput&, ScanResult&);
  void (*scan_shifted)(const ScanInput&, ScanResult&);  // octets
  void (*scan_quads)(const ScanInput&, ScanResult&);
  void (*scan_quads_even)(const ScanInput&, ScanResult&);
  /// Adds the codewords of `groups` groups.
  void (*add_to_pool)(const ScanResult&, int groups, CodewordPool&);
  /// gains (d_candidates): the error of the best choice from the pool for each d, less the constant.
  void (*pool_gains)(const CodewordPool&, const ScaleGrid&, const float* d, float* gains);
  void (*choose_scales)(const CodewordPool&, const ScaleGrid&, float d, ScaleChoice&);
};
constexpr int d_candidates = 16;

/// Those of an instruction set that this machine has.
const CodebookKernels& codebook_kernels(Isa isa);
const CodebookKernels& codebook_kernels_scalar();
const CodebookKernels& codebook_kernels_avx2();
const CodebookKernels& codebook_kernels_avx512();

}  // namespace quantbench
