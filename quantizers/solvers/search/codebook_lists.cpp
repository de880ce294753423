#include "quantizers/solvers/search/codebook_lists.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

namespace quantbench {
namespace {

/// Sets of entries, whose common pairs are replaced by new entries, the most frequent pair first. (Minima may be shared in
/// any way, so this greedy method for sums, known from the design of circuits, does well: a third of the minima of IQ1.)
class SharedMinima {
 public:
  SharedMinima(std::vector<std::vector<std::uint16_t>> sets, std::size_t entries)
      : sets_(std::move(sets)), entries_(entries), most_entries_(entries + CodebookLists::most_minima) {}

  std::vector<CodebookLists::Pair> share() {
    std::vector<CodebookLists::Pair> minima;
    while (entries_ < most_entries_) {
      const auto pair = most_frequent_pair();
      if (!pair) break;
      replace(*pair, static_cast<std::uint16_t>(entries_++));
      minima.push_back(*pair);
    }
    return minima;
  }
  const std::vector<std::vector<std::uint16_t>>& sets() const { return sets_; }

 private:
  /// In at least two sets; of equally frequent ones the first. Sets are sorted.
  std::optional<CodebookLists::Pair> most_frequent_pair() const {
    std::vector<int> count(most_entries_ * most_entries_);
    for (const auto& set : sets_)
      for (std::size_t i = 0; i < set.size(); ++i)
        for (std::size_t j = i + 1; j < set.size(); ++j) ++count[set[i] * most_entries_ + set[j]];
    const auto best = std::ranges::max_element(count);
    if (*best < 2) return std::nullopt;
    const auto at = static_cast<std::size_t>(best - count.begin());
    return CodebookLists::Pair{static_cast<std::uint16_t>(at / most_entries_),
                               static_cast<std::uint16_t>(at % most_entries_)};
  }

  void replace(CodebookLists::Pair pair, std::uint16_t entry) {
    for (auto& set : sets_) {
      if (!std::ranges::binary_search(set, pair.a) || !std::ranges::binary_search(set, pair.b)) continue;
      std::erase_if(set, [&](std::uint16_t member) { return member == pair.a || member == pair.b; });
      set.push_back(entry);  // the largest so far: the set stays sorted
    }
  }

  std::vector<std::vector<std::uint16_t>> sets_;
  std::size_t entries_;
  std::size_t most_entries_;
};

std::vector<std::int8_t> distinct(std::span<const std::int8_t> values) {
  std::vector<std::int8_t> levels(values.begin(), values.end());
  std::ranges::sort(levels);
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return levels;
}

std::uint16_t pattern_of(std::span<const std::int8_t> run, const std::vector<std::int8_t>& levels) {
  std::size_t pattern = 0;
  for (auto value = run.rbegin(); value != run.rend(); ++value)
    pattern =
        pattern * levels.size() + static_cast<std::size_t>(std::ranges::lower_bound(levels, *value) - levels.begin());
  return static_cast<std::uint16_t>(pattern);
}

float inverse_root_mean_square(std::span<const std::int8_t> values) {
  double square = 0;
  for (const std::int8_t value : values) square += value * value;
  return static_cast<float>(1 / std::sqrt(square / static_cast<double>(values.size())));
}

}  // namespace

SortedCodebook::SortedCodebook(std::span<const std::int8_t> values, int codeword_weights)
    : values_(values),
      codeword_weights_(codeword_weights),
      levels_(distinct(values)),
      typical_scale_(inverse_root_mean_square(values)) {
  const auto weights = static_cast<std::size_t>(codeword_weights), half = weights / 2;
  std::vector<std::vector<std::uint16_t>> sets;
  for (std::size_t i = 0; i < values.size() / weights; ++i) {
    const auto codeword = values.subspan(i * weights, weights);
    const std::uint16_t lower = pattern_of(codeword.first(half), levels_);
    const std::uint16_t upper[] = {pattern_of(codeword.subspan(half, half / 2), levels_),
                                   pattern_of(codeword.last(half / 2), levels_)};
    if (chunks_.empty() || !std::ranges::equal(chunks_.back().upper, upper)) {
      chunks_.push_back({{upper[0], upper[1]}, 0, 0});
      sets.emplace_back();
      codewords_.resize(codewords_.size() + CodebookLists::most_patterns, CodebookLists::no_codeword);
    }
    codewords_[(chunks_.size() - 1) * CodebookLists::most_patterns + lower] = static_cast<std::uint16_t>(i);
    sets.back().push_back(lower);
  }
  for (auto& set : sets) std::ranges::sort(set);
  SharedMinima shared(std::move(sets), codeword_weights == 8 ? 81 : 64);
  const auto address = [](std::uint16_t entry) { return static_cast<std::uint16_t>(16 * entry); };
  for (const auto& minimum : shared.share()) minima_.push_back({address(minimum.a), address(minimum.b)});
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    chunks_[i].first_term = static_cast<std::uint16_t>(terms_.size());
    const auto& terms = shared.sets()[i];
    for (std::size_t k = 0; k < terms.size(); k += 2)
      terms_.push_back({address(terms[k]), address(terms[std::min(k + 1, terms.size() - 1)])});
    chunks_[i].last_term = static_cast<std::uint16_t>(terms_.size());
  }
}

CodebookLists SortedCodebook::lists() const {
  CodebookLists lists;
  lists.codeword_weights = codeword_weights_;
  std::ranges::copy(levels_, lists.levels);
  lists.values = values_.data();
  lists.minima = minima_.data();
  lists.minimum_count = static_cast<int>(minima_.size());
  lists.chunks = chunks_.data();
  lists.chunk_count = static_cast<int>(chunks_.size());
  lists.terms = terms_.data();
  lists.codewords = codewords_.data();
  lists.typical_scale = typical_scale_;
  const float gap = static_cast<float>(levels_.back() - levels_.front()) / static_cast<float>(levels_.size() - 1);
  lists.cost_range = (codeword_weights_ == 8 ? 2.0f : 8.0f) * gap * gap;
  return lists;
}

}  // namespace quantbench
