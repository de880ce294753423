#include "eval/commands/inspect_importance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "eval/json_text.h"
#include "eval/render/table.h"

namespace quantbench {
namespace {

/// How the columns of one tensor differ.
struct Spread {
  std::size_t matrices = 0, cols = 0;  // as the file has them: an imatrix.dat joins the experts to one long row
  double tokens = 0;                   // of the matrix that saw the fewest
  double mean = 0, largest = 0;        // of mean x^2
  std::size_t zeros = 0;               // columns that no token drove
  double top_share = 0;                // of all x^2, what the strongest hundredth of the columns holds
};

Spread spread_of(const ImportanceEntry& entry) {
  Spread spread;
  spread.matrices = entry.counts.size();
  spread.cols = entry.sums_of_squares.size() / spread.matrices;
  spread.tokens = static_cast<double>(*std::ranges::min_element(entry.counts));
  std::vector<double> means;
  for (std::size_t i = 0; i < entry.sums_of_squares.size(); ++i) {
    const double count = static_cast<double>(entry.counts[i / spread.cols]);
    means.push_back(count > 0 ? static_cast<double>(entry.sums_of_squares[i]) / count : 0);
  }
  std::ranges::sort(means, std::greater<>());
  const double total = std::accumulate(means.begin(), means.end(), 0.0);
  const auto top = static_cast<std::ptrdiff_t>(std::max<std::size_t>(means.size() / 100, 1));
  spread.mean = total / static_cast<double>(means.size());
  spread.largest = means.front();
  spread.zeros = static_cast<std::size_t>(std::ranges::count(means, 0.0));
  spread.top_share = total > 0 ? std::accumulate(means.begin(), means.begin() + top, 0.0) / total : 0;
  return spread;
}

}  // namespace

std::string importance_text(const ImportanceMatrix& matrix, std::size_t width) {
  Table table;
  table.columns = {{"tensor", Align::left}, {"columns"}, {"matrices"}, {"tokens"}, {"mean x^2"}, {"largest"},
                   {"zero columns"},        {"top 1 %"}};
  for (const auto& [name, entry] : matrix.entries) {
    const Spread spread = spread_of(entry);
    table.rows.push_back({name, std::to_string(spread.cols), std::to_string(spread.matrices),
                          fmt::format("{:.0f}", spread.tokens), fmt::format("{:.4g}", spread.mean),
                          fmt::format("{:.4g}", spread.largest), std::to_string(spread.zeros),
                          fmt::format("{:.1f} %", 100 * spread.top_share)});
  }
  table.notes = {
      fmt::format("{} tensors, {} chunks of {} tokens, text: {}", matrix.entries.size(), matrix.chunk_count,
                  matrix.chunk_size == 0 ? "an unknown number of" : std::to_string(matrix.chunk_size),
                  matrix.datasets.empty() ? "not named" : fmt::format("{}", fmt::join(matrix.datasets, ", "))),
      "top 1 %: the share of all x^2 that the strongest hundredth of the columns holds"};
  return "importance matrix\n\n" + to_text(table, width);
}

std::string importance_json(const ImportanceMatrix& matrix) {
  using Json = nlohmann::ordered_json;
  Json tensors = Json::array();
  for (const auto& [name, entry] : matrix.entries) {
    const Spread spread = spread_of(entry);
    tensors.push_back({{"name", name},
                       {"columns", spread.cols},
                       {"matrices", spread.matrices},
                       {"tokens", spread.tokens},
                       {"mean_square", spread.mean},
                       {"largest_mean_square", spread.largest},
                       {"zero_columns", spread.zeros},
                       {"top_percent_share", spread.top_share}});
  }
  const Json document{{"kind", "importance matrix"},
                      {"datasets", matrix.datasets},
                      {"chunk_count", matrix.chunk_count},
                      {"chunk_size", matrix.chunk_size},
                      {"tensors", tensors}};
  return json_text(document);
}

}  // namespace quantbench
