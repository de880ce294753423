// Finds all tokens that a text starts with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// Tokens in the order of their bytes; each further byte of the text narrows the range of those that start with it.
class PieceIndex {
 public:
  struct Piece {
    std::string_view text;
    TokenId id;
  };
  /// Of pieces with one spelling the last counts. The texts must outlive the index; empty ones are left out.
  explicit PieceIndex(std::vector<Piece> pieces);

  /// Calls `found(length, id)` for each piece that `text` starts with, shortest first.
  template <class Found>
  void prefixes(std::string_view text, const Found& found) const {
    std::size_t begin = 0;
    std::size_t end = pieces_.size();
    for (std::size_t length = 1; length <= text.size() && begin < end; ++length) {
      narrow(static_cast<unsigned char>(text[length - 1]), length - 1, begin, end);
      if (begin < end && pieces_[begin].text.size() == length) found(length, pieces_[begin].id);
    }
  }

 private:
  void narrow(unsigned char byte, std::size_t place, std::size_t& begin, std::size_t& end) const;

  std::vector<Piece> pieces_;
};

}  // namespace quantbench
