#include "models/tokenizers/piece_index.h"

#include <algorithm>

namespace quantbench {

PieceIndex::PieceIndex(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  std::erase_if(pieces_, [](const Piece& piece) { return piece.text.empty(); });
  // The last of equals comes first among them, and std::unique keeps it.
  std::ranges::reverse(pieces_);
  std::ranges::stable_sort(pieces_, {}, &Piece::text);
  const auto rest = std::ranges::unique(pieces_, {}, &Piece::text);
  pieces_.erase(rest.begin(), rest.end());
}

/// In [begin, end) all pieces share the bytes before `place`; those that end there come first.
void PieceIndex::narrow(unsigned char byte, std::size_t place, std::size_t& begin, std::size_t& end) const {
  const auto byte_at = [place](const Piece& piece) {
    return piece.text.size() <= place ? -1 : static_cast<int>(static_cast<unsigned char>(piece.text[place]));
  };
  const auto first = pieces_.begin();
  const auto range =
      std::ranges::equal_range(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end),
                               static_cast<int>(byte), {}, byte_at);
  begin = static_cast<std::size_t>(range.begin() - first);
  end = static_cast<std::size_t>(range.end() - first);
}

}  // namespace quantbench
