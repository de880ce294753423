// Codes of a few bits in little-endian words that need not lie next to each other: a column of a matrix of words, say.
//
// Packings of one line of codes, lowest bit first:
//   dense         code i is bits [i * bits, (i + 1) * bits) of the words behind each other; it may lie in two words
//   whole_codes   each word holds as many codes as fit whole; what is left of its top is 0
// The two are the same for 1, 2, 4 and 8 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/checked.h"

namespace quantbench {

enum class CodePacking { dense, whole_codes };

/// bits is 1 .. 8, word_bytes a power of two.
struct CodeLayout {
  int bits = 4;
  CodePacking packing = CodePacking::dense;
  std::size_t word_bytes = 4;

  /// Words of a line of `codes`. Throws Error on overflow.
  std::size_t words(std::size_t codes) const {
    const std::size_t word_bits = 8 * word_bytes;
    if (packing == CodePacking::whole_codes) return divide_up(codes, word_bits / static_cast<std::size_t>(bits));
    return divide_up(checked_multiply(codes, static_cast<std::size_t>(bits)), word_bits);
  }
};

/// Byte is std::byte or const std::byte. `stride` bytes lie between the starts of consecutive words.
template <class Byte>
struct CodeLine {
  Byte* first = nullptr;
  std::size_t stride = 4;
  CodeLayout layout{};

  unsigned at(std::size_t index) const {
    const std::size_t bit = bit_of(index), byte = bit / 8, shift = bit % 8;
    unsigned code = static_cast<unsigned>(*byte_at(byte)) >> shift;
    if (shift + bits() > 8) code |= static_cast<unsigned>(*byte_at(byte + 1)) << (8 - shift);
    return code & mask();
  }

  /// What was there is kept: the line begins as zeros.
  void put(std::size_t index, unsigned code) const {
    const std::size_t bit = bit_of(index), byte = bit / 8, shift = bit % 8;
    const unsigned placed = (code & mask()) << shift;
    *byte_at(byte) |= static_cast<std::byte>(placed & 0xFF);
    if (shift + bits() > 8) *byte_at(byte + 1) |= static_cast<std::byte>(placed >> 8);
  }

 private:
  std::size_t bits() const { return static_cast<std::size_t>(layout.bits); }
  unsigned mask() const { return (1u << layout.bits) - 1; }
  Byte* byte_at(std::size_t byte) const { return first + byte / layout.word_bytes * stride + byte % layout.word_bytes; }
  std::size_t bit_of(std::size_t index) const {
    if (layout.packing == CodePacking::dense) return index * bits();
    const std::size_t word_bits = 8 * layout.word_bytes, codes = word_bits / bits();
    return index / codes * word_bits + index % codes * bits();
  }
};

}  // namespace quantbench
