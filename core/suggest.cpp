#include "core/suggest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace quantbench {
namespace {

// Levenshtein distance with the last row of the table only.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> near_matches(std::string_view name, std::span<const std::string> known) {
  const std::size_t limit = name.size() / 3 + 1;
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance <= limit) near.emplace_back(distance, candidate);
  }
  std::ranges::sort(near);
  std::vector<std::string> names;
  for (const auto& [distance, candidate] : near)
    if (names.size() < 3) names.push_back(candidate);
  return names;
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  const std::vector<std::string> near = near_matches(name, known);
  if (!near.empty()) return fmt::format("; did you mean {}?", fmt::join(near, ", "));
  constexpr std::size_t most = 12;
  const auto listed = known.first(std::min(most, known.size()));
  return fmt::format("; known: {}{}", fmt::join(listed, ", "), known.size() > most ? ", ..." : "");
}

}  // namespace quantbench
