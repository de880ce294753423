// The merge loop that both kinds of byte-pair tokenizers share: again and again the adjacent pair that comes first in
// the order merges into one symbol, until no adjacent pair can merge. A linked list and a priority queue make it O(n
// log n) for n symbols; one SentencePiece text is merged as a whole, so n may be the length of a book.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/checked.h"
#include "models/tokenizers/tokenizer.h"

namespace quantbench {

/// Symbol `id` covers bytes [begin, begin + length) of the text being merged. Id -1: no token spells it (yet).
struct MergeSymbol {
  TokenId id = -1;
  std::uint32_t begin = 0;
  std::uint32_t length = 0;
};

/// What a pair would become. Lower `order` merges first.
template <class Order>
struct PossibleMerge {
  Order order{};
  TokenId result = -1;
};

/// Keeps its buffers between runs: byte-level tokenizers merge thousands of short words.
template <class Order>
class PairMerger {
 public:
  /// Merges `symbols` (adjacent in the text, in order, none empty) in place. `find(left, right)` gives the pair's
  /// std::optional<PossibleMerge<Order>>; of pairs with equal order the leftmost merges first.
  template <class Find>
  void merge(std::vector<MergeSymbol>& symbols, const Find& find) {
    start(symbols.size());
    for (std::uint32_t left = 0; left + 1 < symbols.size(); ++left) consider(symbols, left, find);
    while (!queue_.empty()) {
      const Candidate candidate = pop();
      if (!is_current(candidate, symbols)) continue;
      apply(candidate, symbols);
      consider(symbols, links_[candidate.left].previous, find);
      consider(symbols, candidate.left, find);
    }
    std::erase_if(symbols, [](const MergeSymbol& symbol) { return symbol.length == 0; });
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Links {
    std::uint32_t previous;
    std::uint32_t next;
  };
  struct Candidate {
    Order order;
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t length;  // of both symbols together when the candidate was found
    TokenId result;
  };

  static bool later(const Candidate& a, const Candidate& b) {
    return b.order < a.order || (!(a.order < b.order) && b.left < a.left);
  }

  void start(std::size_t symbol_count) {
    queue_.clear();
    links_.resize(symbol_count);
    const auto count = checked_cast<std::uint32_t>(symbol_count, "number of symbols of one text");
    for (std::uint32_t index = 0; index < count; ++index) {
      links_[index] = {index == 0 ? none : index - 1, index + 1 == count ? none : index + 1};
    }
  }

  template <class Find>
  void consider(const std::vector<MergeSymbol>& symbols, std::uint32_t left, const Find& find) {
    if (left == none || links_[left].next == none) return;
    const std::uint32_t right = links_[left].next;
    const std::optional<PossibleMerge<Order>> merge = find(symbols[left], symbols[right]);
    if (!merge) return;
    queue_.push_back({merge->order, left, right, symbols[left].length + symbols[right].length, merge->result});
    std::push_heap(queue_.begin(), queue_.end(), later);
  }

  Candidate pop() {
    std::pop_heap(queue_.begin(), queue_.end(), later);
    const Candidate candidate = queue_.back();
    queue_.pop_back();
    return candidate;
  }

  /// Symbols only grow, so a candidate is current while its two symbols are alive, adjacent and as long as they were.
  bool is_current(const Candidate& candidate, const std::vector<MergeSymbol>& symbols) const {
    const MergeSymbol& left = symbols[candidate.left];
    const MergeSymbol& right = symbols[candidate.right];
    return left.length != 0 && right.length != 0 && links_[candidate.left].next == candidate.right &&
           left.length + right.length == candidate.length;
  }

  void apply(const Candidate& candidate, std::vector<MergeSymbol>& symbols) {
    symbols[candidate.left].id = candidate.result;
    symbols[candidate.left].length = candidate.length;
    symbols[candidate.right].length = 0;
    const std::uint32_t next = links_[candidate.right].next;
    links_[candidate.left].next = next;
    if (next != none) links_[next].previous = candidate.left;
  }

  std::vector<Links> links_;
  std::vector<Candidate> queue_;
};

}  // namespace quantbench
