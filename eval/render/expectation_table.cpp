#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "eval/render/render.h"

namespace quantbench {
namespace {

// Shortest text that reads back as the same number: published figures are short decimals.
std::string published_text(double value) { return fmt::format("{}", value); }

// One digit more than the paper prints, at least two.
int decimals_beside(double published) {
  const std::string text = published_text(published);
  const std::size_t point = text.find('.');
  if (text.find('e') != std::string::npos) return 6;
  return std::max(2, point == std::string::npos ? 0 : static_cast<int>(text.size() - point));
}

std::string difference_text(const ExpectationReport& entry) {
  std::string text = fmt::format("{:+.{}f}", *entry.difference, decimals_beside(entry.published));
  if (entry.published == 0) return text;
  return fmt::format("{} ({:+.2f} %)", text, 100 * *entry.difference / entry.published);
}

std::string verdict_text(const std::string& verdict, const std::string& reason) {
  return reason.empty() ? verdict : verdict + ": " + reason;
}

bool of_other_model(const ExpectationReport& entry) { return entry.reason == "other model"; }

std::vector<std::string> row_of(const ExpectationReport& entry) {
  const bool measured = entry.measured && entry.difference;
  return {entry.model,
          entry.method,
          entry.metric,
          published_text(entry.published),
          measured ? fmt::format("{:.{}f}", *entry.measured, decimals_beside(entry.published)) : "",
          measured ? difference_text(entry) : "",
          fmt::format("{:.3g}", entry.tolerance),
          verdict_text(entry.verdict, entry.reason),
          entry.source};
}

// In the order of the table.
std::vector<std::pair<std::string, std::size_t>> other_models(const Report& report) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const ExpectationReport& entry : report.expectations) {
    if (!of_other_model(entry)) continue;
    const auto known = std::ranges::find(counts, entry.model, [](const auto& count) { return count.first; });
    if (known == counts.end())
      counts.emplace_back(entry.model, 1);
    else
      ++known->second;
  }
  return counts;
}

std::string interval_text(const OrderingReport& entry) {
  if (!entry.difference || !entry.lower || !entry.upper) return "";
  return fmt::format("{:+.3g} in [{:+.3g}, {:+.3g}]", *entry.difference, *entry.lower, *entry.upper);
}

std::string exact(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

}  // namespace

Table expectation_table(const Report& report) {
  Table table;
  table.columns = {{"model", Align::left, 3},      {"method", Align::left, 0},    {"figure", Align::left, 2},
                   {"paper", Align::right, 0},     {"measured", Align::right, 0}, {"difference", Align::right, 0},
                   {"tolerance", Align::right, 4}, {"verdict", Align::left, 0},   {"source", Align::left, 5}};
  for (const ExpectationReport& entry : report.expectations)
    if (!of_other_model(entry)) table.rows.push_back(row_of(entry));
  for (const auto& [model, count] : other_models(report))
    table.rows.push_back(
        {model, fmt::format("{} figures", count), "", "", "", "", "", "not measured: other model", ""});
  return table;
}

Table ordering_table(const Report& report) {
  Table table;
  table.columns = {{"better", Align::left, 0},  {"worse", Align::left, 0},
                   {"by", Align::left, 0},      {"difference, nats", Align::right, 0},
                   {"verdict", Align::left, 0}, {"source", Align::left, 5}};
  for (const OrderingReport& entry : report.orderings)
    table.rows.push_back({entry.better, entry.worse, entry.metric == "perplexity" ? "NLL" : "KL divergence",
                          interval_text(entry), verdict_text(entry.verdict, entry.reason), entry.source});
  table.notes = {"differences with the 95 % confidence interval of the mean over windows; negative: as expected"};
  return table;
}

std::string render_expectations_csv(std::span<const Report> reports) {
  Table table;
  for (const char* title : {"run.name", "model.name", "kind", "method", "than", "metric", "model", "published",
                            "tolerance", "measured", "difference", "lower", "upper", "verdict", "reason", "source"})
    table.columns.push_back({title, Align::left, 0});
  for (const Report& report : reports) {
    for (const ExpectationReport& entry : report.expectations)
      table.rows.push_back({report.run_name, report.model_name, "figure", entry.method, "", entry.metric, entry.model,
                            exact(entry.published), exact(entry.tolerance), exact(entry.measured),
                            exact(entry.difference), "", "", entry.verdict, entry.reason, entry.source});
    for (const OrderingReport& entry : report.orderings)
      table.rows.push_back({report.run_name, report.model_name, "ordering", entry.better, entry.worse, entry.metric, "",
                            "", "", "", exact(entry.difference), exact(entry.lower), exact(entry.upper), entry.verdict,
                            entry.reason, entry.source});
  }
  return table.rows.empty() ? "" : to_csv(table);
}

}  // namespace quantbench
