// Random numbers of NumPy's default generator, because published calibration sets are shuffled with it.
#pragma once

#include <cstdint>
#include <vector>

namespace quantbench {

/// `numpy.random.default_rng(seed).permutation(count)` of NumPy 1.17 and later: PCG64 (O'Neill 2014: a 128-bit linear
/// congruential generator with XSL-RR output), seeded by SeedSequence; a Fisher-Yates shuffle from the end that
/// rejects 32-bit numbers whose low bits are too large. The datasets of Hugging Face are shuffled so. `seed` < 2^32, `count` < 2^32.
std::vector<std::uint32_t> numpy_permutation(std::uint32_t seed, std::uint32_t count);

}  // namespace quantbench
