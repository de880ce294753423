#include "eval/explain/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace quantbench {
namespace {

std::string substitutes(const CellReport& cell) {
  const std::size_t count = substituted_tensors(cell);
  return count == 0 ? "none" : fmt::format("{} of {} tensors", count, cell.tensors.size());
}

std::vector<Fact> facts_of_cell(const CellReport& cell) {
  const auto fact = [&cell](const char* name, const std::string& value) {
    return Fact{fmt::format("{}: {}", cell.method, name), value, value, Affects::everything, Topic::protocol};
  };
  return {fact("status", cell.status), fact("substituted formats", substitutes(cell)),
          fact("columns weighted by", cell.importance.empty() ? "nothing" : cell.importance),
          fact("notes", cell.notes.empty() ? "none" : fmt::format("{}", fmt::join(cell.notes, "; ")))};
}

AffectedFigures joined(AffectedFigures first, const AffectedFigures& second) {
  for (const std::string& method : second.methods)
    if (std::ranges::find(first.methods, method) == first.methods.end()) first.methods.push_back(method);
  return first;
}

using Figure = std::pair<const char*, std::optional<double>>;

std::vector<Figure> figures_of(const CellReport& cell) {
  std::vector<Figure> figures{{"bits_per_weight", cell.bits_per_weight}};
  figures.emplace_back("rmse", cell.rmse ? std::optional(cell.rmse->relative) : std::nullopt);
  figures.emplace_back("weighted_rmse", cell.rmse ? cell.rmse->weighted_relative : std::nullopt);
  figures.emplace_back("perplexity", cell.perplexity ? std::optional(cell.perplexity->value) : std::nullopt);
  figures.emplace_back("kld", cell.kld ? std::optional(cell.kld->mean) : std::nullopt);
  return figures;
}

class Explainer {
 public:
  Explainer(const Report& first, const Report& second) : first_(first), second_(second) {}

  Explanation run() {
    compare(facts_of(first_), facts_of(second_), nullptr);
    for (const CellReport& cell : first_.cells) {
      const CellReport* other = find_cell(second_, cell.method);
      if (other == nullptr) {
        result_.only_first.push_back(cell.method);
      } else {
        compare(facts_of_cell(cell), facts_of_cell(*other), &cell);
        compare_figures(cell, *other);
      }
    }
    for (const CellReport& cell : second_.cells)
      if (find_cell(first_, cell.method) == nullptr) result_.only_second.push_back(cell.method);
    return std::move(result_);
  }

 private:
  void compare(const std::vector<Fact>& first, const std::vector<Fact>& second, const CellReport* cell) {
    const FactComparison comparison = compare_facts(first, second);
    std::ranges::copy(comparison.not_recorded, std::back_inserter(result_.not_recorded));
    for (const auto& [fact, other] : comparison.different) {
      AffectedFigures affected =
          joined(affected_figures(fact.affects, first_), affected_figures(fact.affects, second_));
      if (cell != nullptr) affected.methods = {cell->method};
      result_.differences.push_back({fact, other, std::move(affected)});
    }
  }

  void compare_figures(const CellReport& first, const CellReport& second) {
    const std::vector<Figure> of_first = figures_of(first), of_second = figures_of(second);
    for (std::size_t i = 0; i < of_first.size(); ++i) {
      const auto& [name, value] = of_first[i];
      const std::optional<double>& other = of_second[i].second;
      if (value && other && *value != *other) result_.figures.push_back({first.method, name, *value, *other});
    }
  }

  const Report& first_;
  const Report& second_;
  Explanation result_;
};

}  // namespace

Explanation explain_difference(const Report& first, const Report& second) { return Explainer(first, second).run(); }

}  // namespace quantbench
