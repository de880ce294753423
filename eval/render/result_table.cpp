#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <optional>

#include "eval/render/render.h"

namespace quantbench {
namespace {

/// One column of the table of results: how a cell fills it ("" when it has no such figure), and the number behind that.
struct ResultColumn {
  Column column;
  std::function<std::string(const CellReport&)> text;
  std::function<std::optional<double>(const CellReport&)> number;
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

std::optional<double> weighted_rmse(const CellReport& cell) {
  return cell.rmse ? cell.rmse->weighted_relative : std::nullopt;
}

std::optional<double> rate_distortion(const CellReport& cell) {
  return cell.rmse ? cell.rmse->rate_distortion_db : std::nullopt;
}

std::string rate_distortion_text(const CellReport& cell) {
  const auto distance = rate_distortion(cell);
  return distance ? fmt::format("{:.2f}", *distance) : "";
}

/// A figure of a part of the cell that may be missing.
template <class Part>
auto part_number(std::optional<Part> CellReport::*part, double Part::*member) {
  return [part, member](const CellReport& cell) {
    return cell.*part ? std::optional<double>((*(cell.*part)).*member) : std::nullopt;
  };
}

auto kld_text(double KldReport::*member) {
  return [member](const CellReport& cell) { return cell.kld ? significant((*cell.kld).*member) : std::string(); };
}

const std::vector<ResultColumn>& result_columns() {
  static const std::vector<ResultColumn> columns = {
      {{"method", Align::left, 0, "how the weights were quantized"},
       [](const CellReport& cell) { return cell.method; },
       [](const CellReport&) { return std::optional<double>(); }},
      {{"bits/weight", Align::right, 0, "over the quantized tensors, scales and padding counted"},
       [](const CellReport& cell) { return fmt::format("{:.3f}", cell.bits_per_weight); },
       [](const CellReport& cell) { return std::optional(cell.bits_per_weight); }},
      {{"MiB", Align::right, 5, "size of the quantized tensors"},
       [](const CellReport& cell) { return fmt::format("{:.2f}", static_cast<double>(cell.size_bytes) / (1 << 20)); },
       [](const CellReport& cell) { return std::optional(static_cast<double>(cell.size_bytes)); }},
      {{"RMSE %", Align::right, 1, "relative error of the weights: ||W - W'|| / ||W||"},
       [](const CellReport& cell) { return cell.rmse ? percent(cell.rmse->relative, 3) : ""; },
       part_number(&CellReport::rmse, &RmseReport::relative)},
      {{"weighted RMSE %", Align::right, 6,
        "the same with squared errors weighted by the mean square of the input column"},
       weighted_rmse_text,
       weighted_rmse},
      {{"dB", Align::right, 4,
        "squared error above the rate-distortion bound of Gaussian weights at as many bits; 6.02 dB are one bit per "
        "weight"},
       rate_distortion_text,
       rate_distortion},
      {{"perplexity", Align::right, 0, "exp(mean negative log-likelihood) with its standard error"},
       perplexity_text,
       part_number(&CellReport::perplexity, &PerplexityReport::value)},
      {{"vs f32 %", Align::right, 1,
        "difference of the perplexity from that of f32, with half its 95 % confidence interval"},
       difference_text,
       [](const CellReport& cell) { return cell.perplexity ? cell.perplexity->difference : std::nullopt; }},
      {{"KLD nats", Align::right, 2, "mean KL divergence of the predictions from those of f32"},
       kld_text(&KldReport::mean),
       part_number(&CellReport::kld, &KldReport::mean)},
      {{"p99 KLD", Align::right, 4, "99th percentile of the KL divergence over tokens, nats"},
       kld_text(&KldReport::p99),
       part_number(&CellReport::kld, &KldReport::p99)},
      {{"same top-1 %", Align::right, 3, "positions at which the most likely token is that of f32"},
       [](const CellReport& cell) { return cell.kld ? percent(cell.kld->top1_agreement, 2) : ""; },
       part_number(&CellReport::kld, &KldReport::top1_agreement)},
      {{"seconds", Align::right, 7, "time of the cell, quantizing and measuring"},
       [](const CellReport& cell) { return fmt::format("{:.1f}", cell.seconds); },
       [](const CellReport& cell) { return std::optional(cell.seconds); }},
  };
  return columns;
}

bool failed(const CellReport& cell) { return cell.status != "ok"; }

const CellReport& cell_at(std::span<const Report> reports, CellPlace place) {
  return reports[place.run].cells[place.cell];
}

// Of a failed cell the method, and in the column after it the word.
void add_row(Table& table, const CellReport& cell) {
  auto& texts = table.rows.emplace_back();
  auto& numbers = table.numbers.emplace_back();
  for (const ResultColumn& column : result_columns()) {
    const bool shown = !failed(cell) || column.column.title == "method";
    texts.push_back(shown ? column.text(cell) : "");
    numbers.push_back(shown ? column.number(cell) : std::nullopt);
  }
  if (failed(cell)) texts[1] = "failed";
}

void put_runs_first(Table& table, const std::vector<CellPlace>& order, const std::vector<std::string>& labels) {
  table.columns.insert(table.columns.begin(), {"run", Align::left, 0, "the report that the row is of"});
  for (std::size_t row = 0; row < order.size(); ++row) {
    table.rows[row].insert(table.rows[row].begin(), labels[order[row].run]);
    table.numbers[row].insert(table.numbers[row].begin(), std::nullopt);
  }
}

void drop_empty_columns(Table& table) {
  for (std::size_t column = table.columns.size(); column-- > 0;) {
    if (std::ranges::any_of(table.rows, [&](const auto& row) { return !row[column].empty(); })) continue;
    const auto at = static_cast<std::ptrdiff_t>(column);
    table.columns.erase(table.columns.begin() + at);
    for (auto& row : table.rows) row.erase(row.begin() + at);
    for (auto& row : table.numbers) row.erase(row.begin() + at);
  }
}

/// Notes with those who have them, in order of first appearance.
class NoteCollector {
 public:
  void add(const std::string& note, const std::string& method) {
    const auto known = std::ranges::find(shared_, note, &Shared::note);
    if (known == shared_.end())
      shared_.push_back({note, {method}});
    else
      known->methods.push_back(method);
  }
  std::vector<std::string> lines() const {
    constexpr std::size_t most_names = 3;
    std::vector<std::string> lines;
    for (auto [note, methods] : shared_) {
      const std::size_t more = methods.size() - std::min(methods.size(), most_names);
      methods.resize(methods.size() - more);
      lines.push_back(
          fmt::format("{}{}: {}", fmt::join(methods, ", "), more > 0 ? fmt::format(" and {} more", more) : "", note));
    }
    return lines;
  }

 private:
  struct Shared {
    std::string note;
    std::vector<std::string> methods;
  };
  std::vector<Shared> shared_;
};

std::vector<std::string> notes_of(const Table& table, std::span<const Report> reports,
                                  const std::vector<CellPlace>& order) {
  std::vector<std::string> notes;
  const auto has_mark = [](const std::string& text) { return text.ends_with(not_significant); };
  if (std::ranges::any_of(table.rows, [&](const auto& row) { return std::ranges::any_of(row, has_mark); }))
    notes.push_back(
        fmt::format("{} cannot be told from f32: the paired 95 % confidence interval contains zero", not_significant));
  NoteCollector shared;
  for (const CellPlace place : order) {
    const CellReport& cell = cell_at(reports, place);
    if (failed(cell)) notes.push_back(fmt::format("{} failed: {}", cell.method, cell.error));
    for (const std::string& note : cell.notes) shared.add(note, cell.method);
  }
  std::ranges::copy(shared.lines(), std::back_inserter(notes));
  return notes;
}

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  return seconds < 1 ? fmt::format("{:.2f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

}  // namespace

std::string cell_key(CellPlace place) { return fmt::format("{}-{}", place.run, place.cell); }

std::size_t runs_with_cells(std::span<const Report> reports) {
  return static_cast<std::size_t>(
      std::ranges::count_if(reports, [](const Report& report) { return !report.cells.empty(); }));
}

std::vector<std::string> run_labels(std::span<const Report> reports) {
  std::map<std::string, std::size_t> uses;
  const auto name_of = [](const Report& report) {
    return report.run_name.empty() ? report.model_name : report.run_name;
  };
  for (const Report& report : reports) ++uses[name_of(report)];
  std::map<std::string, std::size_t> met;
  std::vector<std::string> labels;
  for (const Report& report : reports) {
    const std::string name = name_of(report);
    labels.push_back(uses[name] > 1 ? fmt::format("{} ({})", name, ++met[name]) : name);
  }
  return labels;
}

std::vector<CellPlace> result_order(std::span<const Report> reports) {
  std::vector<CellPlace> order;
  for (std::size_t run = 0; run < reports.size(); ++run)
    for (std::size_t cell = 0; cell < reports[run].cells.size(); ++cell) order.push_back({run, cell});
  std::ranges::stable_sort(order, [&](CellPlace first, CellPlace second) {
    const CellReport &a = cell_at(reports, first), &b = cell_at(reports, second);
    if (failed(a) != failed(b)) return failed(b);
    return a.bits_per_weight != b.bits_per_weight ? a.bits_per_weight > b.bits_per_weight : a.method < b.method;
  });
  return order;
}

Table result_table(std::span<const Report> reports) {
  Table table;
  for (const ResultColumn& column : result_columns()) table.columns.push_back(column.column);
  const std::vector<CellPlace> order = result_order(reports);
  for (const CellPlace place : order) add_row(table, cell_at(reports, place));
  if (runs_with_cells(reports) > 1) put_runs_first(table, order, run_labels(reports));
  drop_empty_columns(table);
  table.notes = notes_of(table, reports, order);
  return table;
}

Table result_table(const Report& report) { return result_table(std::span(&report, 1)); }

Table kernel_table(const Report& report) {
  Table table;
  table.columns = {{"kernel", Align::left, 0},        {"shape", Align::left, 0},      {"threads", Align::right, 3},
                   {"median", Align::right, 0},       {"p10–p90", Align::right, 5},   {"GB/s", Align::right, 0},
                   {"GFLOP/s", Align::right, 1},      {"% of peak", Align::right, 0}, {"peak", Align::left, 2},
                   {"% of reading", Align::right, 4}, {"variant", Align::left, 6}};
  for (const ThroughputReport& kernel : report.kernels) {
    table.rows.push_back(
        {kernel.id, kernel.shape, std::to_string(kernel.threads), seconds_text(kernel.seconds_median),
         fmt::format("{}–{}", seconds_text(kernel.seconds_p10), seconds_text(kernel.seconds_p90)),
         fmt::format("{:.2f}", kernel.bytes_per_second / 1e9), fmt::format("{:.2f}", kernel.flops_per_second / 1e9),
         fmt::format("{:.1f}", kernel.percent_of_peak), kernel.peak,
         kernel.percent_of_reading ? fmt::format("{:.1f}", *kernel.percent_of_reading) : "", kernel.variant});
    table.numbers.push_back({{},
                             {},
                             kernel.threads,
                             kernel.seconds_median,
                             kernel.seconds_p10,
                             kernel.bytes_per_second,
                             kernel.flops_per_second,
                             kernel.percent_of_peak,
                             {},
                             kernel.percent_of_reading,
                             {}});
  }
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
