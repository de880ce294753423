#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "eval/render/render.h"

namespace quantbench {
namespace {

/// One column of the table of results: how a cell fills it ("" when it has no such figure).
struct ResultColumn {
  Column column;
  std::function<std::string(const CellReport&)> text;
};

constexpr const char* not_significant = "~";

std::string percent(double fraction, int decimals) { return fmt::format("{:.{}f}", 100 * fraction, decimals); }

// As many decimals as show two digits of the uncertainty.
int decimals_for(double uncertainty) {
  if (!(uncertainty > 0)) return 4;
  return std::clamp(1 - static_cast<int>(std::floor(std::log10(uncertainty))), 0, 6);
}

std::string significant(double value) { return value == 0 ? "0" : fmt::format("{:.3g}", value); }

std::string perplexity_text(const CellReport& cell) {
  if (!cell.perplexity) return "";
  const PerplexityReport& perplexity = *cell.perplexity;
  const int decimals = decimals_for(perplexity.stderr_);
  return fmt::format("{:.{}f} ± {:.{}f}", perplexity.value, decimals, perplexity.stderr_, decimals);
}

// Percent by which the perplexity differs from the f32 cell's, with half the width of its confidence interval.
std::string difference_text(const CellReport& cell) {
  if (!cell.perplexity || !cell.perplexity->difference) return "";
  const PerplexityReport& perplexity = *cell.perplexity;
  const double change = 100 * std::expm1(*perplexity.difference);
  if (!perplexity.difference_lower || !perplexity.difference_upper) return fmt::format("{:+.2f}", change);
  if (*perplexity.difference == 0 && *perplexity.difference_lower == *perplexity.difference_upper) return "0";
  const double half_width = 50 * (std::expm1(*perplexity.difference_upper) - std::expm1(*perplexity.difference_lower));
  const bool significant = *perplexity.difference_lower > 0 || *perplexity.difference_upper < 0;
  const int decimals = std::clamp(decimals_for(half_width), 0, 3);
  return fmt::format("{:+.{}f} ± {:.{}f}{}", change, decimals, half_width, decimals,
                     significant ? "" : fmt::format(" {}", not_significant));
}

std::string weighted_rmse_text(const CellReport& cell) {
  if (!cell.rmse || !cell.rmse->weighted_relative) return "";
  return percent(*cell.rmse->weighted_relative, 3);
}

const std::vector<ResultColumn>& result_columns() {
  static const std::vector<ResultColumn> columns = {
      {{"method", Align::left, 0}, [](const CellReport& cell) { return cell.method; }},
      {{"bits/weight", Align::right, 0},
       [](const CellReport& cell) { return fmt::format("{:.3f}", cell.bits_per_weight); }},
      {{"MiB", Align::right, 5},
       [](const CellReport& cell) { return fmt::format("{:.2f}", static_cast<double>(cell.size_bytes) / (1 << 20)); }},
      {{"RMSE %", Align::right, 1},
       [](const CellReport& cell) { return cell.rmse ? percent(cell.rmse->relative, 3) : ""; }},
      {{"weighted RMSE %", Align::right, 6}, weighted_rmse_text},
      {{"perplexity", Align::right, 0}, perplexity_text},
      {{"vs f32 %", Align::right, 1}, difference_text},
      {{"KLD nats", Align::right, 2},
       [](const CellReport& cell) { return cell.kld ? significant(cell.kld->mean) : ""; }},
      {{"p99 KLD", Align::right, 4}, [](const CellReport& cell) { return cell.kld ? significant(cell.kld->p99) : ""; }},
      {{"same top-1 %", Align::right, 3},
       [](const CellReport& cell) { return cell.kld ? percent(cell.kld->top1_agreement, 2) : ""; }},
      {{"seconds", Align::right, 7}, [](const CellReport& cell) { return fmt::format("{:.1f}", cell.seconds); }},
  };
  return columns;
}

bool failed(const CellReport& cell) { return cell.status != "ok"; }

std::vector<CellReport> in_table_order(std::vector<CellReport> cells) {
  std::ranges::stable_sort(cells, [](const CellReport& a, const CellReport& b) {
    if (failed(a) != failed(b)) return failed(b);
    return a.bits_per_weight != b.bits_per_weight ? a.bits_per_weight > b.bits_per_weight : a.method < b.method;
  });
  return cells;
}

std::vector<std::string> row_of(const CellReport& cell) {
  std::vector<std::string> row;
  for (const ResultColumn& column : result_columns())
    row.push_back(failed(cell) && column.column.title != "method" ? "" : column.text(cell));
  if (failed(cell)) row[1] = "failed";
  return row;
}

void drop_empty_columns(Table& table) {
  for (std::size_t column = table.columns.size(); column-- > 0;) {
    if (std::ranges::any_of(table.rows, [&](const auto& row) { return !row[column].empty(); })) continue;
    table.columns.erase(table.columns.begin() + static_cast<std::ptrdiff_t>(column));
    for (auto& row : table.rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
  }
}

std::vector<std::string> notes_of(const Table& table, const std::vector<CellReport>& cells) {
  std::vector<std::string> notes;
  const auto has_mark = [](const std::string& text) { return text.ends_with(not_significant); };
  if (std::ranges::any_of(table.rows, [&](const auto& row) { return std::ranges::any_of(row, has_mark); }))
    notes.push_back(
        fmt::format("{} cannot be told from f32: the paired 95 % confidence interval contains zero", not_significant));
  std::vector<std::pair<std::string, std::vector<std::string>>> shared;  // a note, and the methods that have it
  for (const CellReport& cell : cells) {
    if (failed(cell)) notes.push_back(fmt::format("{} failed: {}", cell.method, cell.error));
    for (const std::string& note : cell.notes) {
      const auto known = std::ranges::find(shared, note, &decltype(shared)::value_type::first);
      if (known == shared.end())
        shared.push_back({note, {cell.method}});
      else
        known->second.push_back(cell.method);
    }
  }
  constexpr std::size_t most_names = 3;
  for (auto& [note, methods] : shared) {
    const std::size_t more = methods.size() - std::min(methods.size(), most_names);
    methods.resize(methods.size() - more);
    notes.push_back(
        fmt::format("{}{}: {}", fmt::join(methods, ", "), more > 0 ? fmt::format(" and {} more", more) : "", note));
  }
  return notes;
}

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  return seconds < 1 ? fmt::format("{:.2f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

}  // namespace

Table result_table(const Report& report) {
  Table table;
  for (const ResultColumn& column : result_columns()) table.columns.push_back(column.column);
  const std::vector<CellReport> cells = in_table_order(report.cells);
  for (const CellReport& cell : cells) table.rows.push_back(row_of(cell));
  drop_empty_columns(table);
  table.notes = notes_of(table, cells);
  return table;
}

Table kernel_table(const Report& report) {
  Table table;
  table.columns = {{"kernel", Align::left, 0},        {"shape", Align::left, 0},      {"threads", Align::right, 3},
                   {"median", Align::right, 0},       {"p10–p90", Align::right, 5},   {"GB/s", Align::right, 0},
                   {"GFLOP/s", Align::right, 1},      {"% of peak", Align::right, 0}, {"peak", Align::left, 2},
                   {"% of reading", Align::right, 4}, {"variant", Align::left, 6}};
  for (const ThroughputReport& kernel : report.kernels)
    table.rows.push_back(
        {kernel.id, kernel.shape, std::to_string(kernel.threads), seconds_text(kernel.seconds_median),
         fmt::format("{}–{}", seconds_text(kernel.seconds_p10), seconds_text(kernel.seconds_p90)),
         fmt::format("{:.2f}", kernel.bytes_per_second / 1e9), fmt::format("{:.2f}", kernel.flops_per_second / 1e9),
         fmt::format("{:.1f}", kernel.percent_of_peak), kernel.peak,
         kernel.percent_of_reading ? fmt::format("{:.1f}", *kernel.percent_of_reading) : "", kernel.variant});
  return table;
}

std::vector<std::string> provenance_lines(const Report& report) {
  std::vector<std::string> lines;
  if (!report.run_name.empty()) lines.push_back(fmt::format("run      {} (seed {})", report.run_name, report.seed));
  if (!report.model_name.empty())
    lines.push_back(fmt::format("model    {}, {:.2f} M parameters", report.model_name,
                                static_cast<double>(report.model_parameters) / 1e6));
  if (!report.dataset_name.empty())
    lines.push_back(
        fmt::format("text     {}, {} tokens, {}", report.dataset_name, report.dataset_tokens, report.protocol));
  const Environment& environment = report.environment;
  if (!report.device.empty()) lines.push_back(fmt::format("products {}, {}", report.device, environment.gpu));
  const bool limited = !environment.machine_isa.empty() && environment.machine_isa != environment.isa;
  if (!environment.cpu.empty())
    lines.push_back(fmt::format("machine  {}, {}{}, {} thread{}", environment.cpu, environment.isa,
                                limited ? fmt::format(" (limited; it has {})", environment.machine_isa) : "",
                                environment.threads, environment.threads == 1 ? "" : "s"));
  return lines;
}

}  // namespace quantbench
