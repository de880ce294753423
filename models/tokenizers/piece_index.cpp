#include "models/tokenizers/piece_index.h"

#include <algorithm>

namespace quantbench {

PieceIndex::PieceIndex(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  std::erase_if(pieces_, [](const Piece& piece) { return piece.text.empty(); });
  // The last of equals comes first among them, and std::unique keeps it.
  std::ranges::reverse(pieces_);
  std::ranges::stable_sort(pieces_, {}, &Piece::text);
  const auto same = [](const Piece& a, const Piece& b) { return a.text == b.text; };
  pieces_.erase(std::unique(pieces_.begin(), pieces_.end(), same), pieces_.end());
}

/// In [begin, end) all pieces share the bytes before `place`; those that end there come first.
void PieceIndex::narrow(unsigned char byte, std::size_t place, std::size_t& begin, std::size_t& end) const {
  const auto byte_at = [place](const Piece& piece) {
    return piece.text.size() <= place ? -1 : static_cast<int>(static_cast<unsigned char>(piece.text[place]));
  };
  const auto first = pieces_.begin(), last = first + static_cast<std::ptrdiff_t>(end);
  const auto from = first + static_cast<std::ptrdiff_t>(begin);
  // Not equal_range, whose result clang 14 cannot read from the headers of GCC 12.
  begin = static_cast<std::size_t>(std::ranges::lower_bound(from, last, static_cast<int>(byte), {}, byte_at) - first);
  end = static_cast<std::size_t>(std::ranges::upper_bound(from, last, static_cast<int>(byte), {}, byte_at) - first);
}

}  // namespace quantbench
